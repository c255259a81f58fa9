"""Where data lies."""

from domicile_policies.residency import aws

__all__ = ["aws"]
