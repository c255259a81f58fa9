"""Who can be reached, and over what."""

from domicile_policies.network import aws

__all__ = ["aws"]
