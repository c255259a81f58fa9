"""Keys and secrets."""

from domicile_policies.keys import encryption, kubernetes, secrets

__all__ = ["encryption", "kubernetes", "secrets"]
