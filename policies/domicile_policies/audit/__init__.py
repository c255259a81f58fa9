"""What is recorded, and kept."""

from domicile_policies.audit import aws

__all__ = ["aws"]
