"""Who may do what."""

from domicile_policies.access import rights, things

__all__ = ["rights", "things"]
