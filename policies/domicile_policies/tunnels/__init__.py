"""Ways in and out beside the proxies: tunnels, peers, links."""

from domicile_policies.tunnels import aws

__all__ = ["aws"]
