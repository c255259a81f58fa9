"""DOM-TUN-080: A tunnel's configuration lies in the stack."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32


def passing(at):
    cloudflare.ZeroTrustTunnelCloudflared(at("one"), account_id=ACCOUNT, name="tools", config_src="cloudflare")


def failing(at):
    cloudflare.ZeroTrustTunnelCloudflared(at("file"), account_id=ACCOUNT, name="file", config_src="local")
    cloudflare.ZeroTrustTunnelCloudflared(at("unsaid"), account_id=ACCOUNT, name="unsaid")


def unknown(at):
    cloudflare.ZeroTrustTunnelCloudflared(at("one"), account_id=ACCOUNT, name="tools", config_src=at.unknown)
