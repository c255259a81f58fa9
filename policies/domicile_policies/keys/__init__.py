"""Keys and secrets."""

from domicile_policies.keys import encryption, secrets

__all__ = ["encryption", "secrets"]
