"""Where data lies."""

from domicile_policies.residency import aws, cloudflare

__all__ = ["aws", "cloudflare"]
