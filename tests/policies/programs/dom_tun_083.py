"""DOM-TUN-083: What a tunnel opens is behind Access."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32
ACCESS = {"required": True, "teamName": "team", "audTags": ["1" * 64]}
LAST = {"service": "http_status:404"}
TOOL = {"hostname": "tool.example.com", "service": "https://tool.internal:8443", "originRequest": {"access": ACCESS}}


def opens(name, *ingresses):
    config = {"ingresses": list(ingresses)}
    cloudflare.ZeroTrustTunnelCloudflaredConfig(name, account_id=ACCOUNT, tunnel_id="tools", config=config)


def passing(at):
    opens(at("one"), TOOL, LAST)


def failing(at):
    opens(at("open"), {**TOOL, "originRequest": {"access": {**ACCESS, "required": False}}}, LAST)


def unknown(at):
    opens(at("one"), {**TOOL, "originRequest": {"access": {**ACCESS, "required": at.unknown}}}, LAST)
