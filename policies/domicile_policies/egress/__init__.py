"""What can leave, and by which way."""

from domicile_policies.egress import aws

__all__ = ["aws"]
