"""Cloudflare: tunnels and what guards them, and where what Cloudflare keeps or sends on lies. Types of `pulumi_cloudflare` 6."""

from domicile_policies.cloudflare import residency, tunnels

__all__ = ["residency", "tunnels"]
