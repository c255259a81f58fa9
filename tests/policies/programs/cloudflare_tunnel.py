"""A tunnel of Cloudflare's with what it opens: shared by the fixtures on what a tunnel may open."""

import pulumi_cloudflare as cloudflare

ACCOUNT = "0" * 32
ACCESS = {"required": True, "teamName": "team", "audTags": ["1" * 64]}
LAST = {"service": "http_status:404"}
TOOL = {"hostname": "tool.example.com", "service": "https://tool.internal:8443", "originRequest": {"access": ACCESS}}


def opens(name, *ingresses):
    config = {"ingresses": list(ingresses)}
    cloudflare.ZeroTrustTunnelCloudflaredConfig(name, account_id=ACCOUNT, tunnel_id="tools", config=config)
