"""What can leave, and by which way."""

from domicile_policies.egress import aws, kubernetes

__all__ = ["aws", "kubernetes"]
