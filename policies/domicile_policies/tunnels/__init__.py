"""Ways in and out beside the proxies: tunnels, peers, links."""

from domicile_policies.tunnels import aws, cloudflare

__all__ = ["aws", "cloudflare"]
