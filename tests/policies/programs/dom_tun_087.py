"""DOM-TUN-087: An application of Access has policies, and asks again."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32


def passing(at):
    cloudflare.ZeroTrustAccessApplication(
        at("one"),
        account_id=ACCOUNT,
        name="tool",
        type="self_hosted",
        domain="tool.example.com",
        policies=[{"id": "agents"}],
        session_duration="8h",
    )


def failing(at):
    cloudflare.ZeroTrustAccessApplication(
        at("open"), account_id=ACCOUNT, name="tool", type="self_hosted", domain="tool.example.com", session_duration="8h"
    )
    cloudflare.ZeroTrustAccessApplication(
        at("long"),
        account_id=ACCOUNT,
        name="tool",
        type="self_hosted",
        domain="tool.example.com",
        policies=[{"id": "agents"}],
        session_duration="730h",
    )
    cloudflare.ZeroTrustAccessApplication(
        at("within"),
        account_id=ACCOUNT,
        name="tool",
        type="self_hosted",
        domain="tool.example.com",
        policies=[{"decision": "bypass", "includes": [{"everyone": {}}]}],
    )


def unknown(at):
    cloudflare.ZeroTrustAccessApplication(
        at("one"),
        account_id=ACCOUNT,
        name="tool",
        type="self_hosted",
        domain="tool.example.com",
        policies=[{"id": "agents"}],
        session_duration=at.unknown,
    )
