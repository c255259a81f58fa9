"""DOM-TUN-081: A tunnel's secret isn't in the stack."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32


def passing(at):
    cloudflare.ZeroTrustTunnelCloudflared(at("one"), account_id=ACCOUNT, name="tools")


def failing(at):
    cloudflare.ZeroTrustTunnelCloudflared(at("one"), account_id=ACCOUNT, name="tools", tunnel_secret="bm90IGEgcmVhbCBvbmU=")


def unknown(at):
    cloudflare.ZeroTrustTunnelCloudflared(at("one"), account_id=ACCOUNT, name="tools", tunnel_secret=at.unknown)
