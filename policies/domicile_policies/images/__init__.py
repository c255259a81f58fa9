"""Which images and programs run."""

from domicile_policies.images import aws, kubernetes

__all__ = ["aws", "kubernetes"]
