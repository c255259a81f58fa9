"""Who may do what."""

from domicile_policies.access import admission, kubernetes, rights, things

__all__ = ["admission", "kubernetes", "rights", "things"]
