"""Who can be reached, and over what."""

from domicile_policies.network import aws, kubernetes

__all__ = ["aws", "kubernetes"]
