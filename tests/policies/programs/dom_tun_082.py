"""DOM-TUN-082: A tunnel opens what it names, and nothing else."""

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
    opens(at("all"), {"service": "https://tool.internal:8443"})
    opens(at("star"), {**TOOL, "hostname": "*.example.com"}, LAST)


def unknown(at):
    opens(at("one"), {**TOOL, "hostname": at.unknown}, LAST)
