"""Which images and programs run."""

from domicile_policies.images import aws

__all__ = ["aws"]
