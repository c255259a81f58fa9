"""DOM-TUN-088: Service tokens end."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32


def passing(at):
    cloudflare.ZeroTrustAccessServiceToken(at("one"), account_id=ACCOUNT, name="agents", duration="720h")


def failing(at):
    cloudflare.ZeroTrustAccessServiceToken(at("year"), account_id=ACCOUNT, name="agents")
    cloudflare.ZeroTrustAccessServiceToken(at("forever"), account_id=ACCOUNT, name="agents", duration="forever")


def unknown(at):
    cloudflare.ZeroTrustAccessServiceToken(at("one"), account_id=ACCOUNT, name="agents", duration=at.unknown)
