"""DOM-TUN-085: A tunnel's networks are narrow."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32


def passing(at):
    cloudflare.ZeroTrustTunnelCloudflaredRoute(at("one"), account_id=ACCOUNT, tunnel_id="tools", network="10.64.8.0/24")


def failing(at):
    cloudflare.ZeroTrustTunnelCloudflaredRoute(at("all"), account_id=ACCOUNT, tunnel_id="tools", network="0.0.0.0/0")
    cloudflare.ZeroTrustTunnelCloudflaredRoute(at("wide"), account_id=ACCOUNT, tunnel_id="tools", network="10.0.0.0/8")


def unknown(at):
    cloudflare.ZeroTrustTunnelCloudflaredRoute(at("one"), account_id=ACCOUNT, tunnel_id="tools", network=at.unknown)
