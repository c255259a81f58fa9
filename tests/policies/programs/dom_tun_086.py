"""DOM-TUN-086: Access lets in somebody in particular."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32


def passing(at):
    cloudflare.ZeroTrustAccessPolicy(
        at("one"), account_id=ACCOUNT, name="agents", decision="non_identity", includes=[{"serviceToken": {"tokenId": "1" * 32}}]
    )


def failing(at):
    cloudflare.ZeroTrustAccessPolicy(at("open"), account_id=ACCOUNT, name="agents", decision="bypass", includes=[{"everyone": {}}])
    cloudflare.ZeroTrustAccessPolicy(
        at("any"), account_id=ACCOUNT, name="agents", decision="allow", includes=[{"anyValidServiceToken": {}}]
    )


def unknown(at):
    cloudflare.ZeroTrustAccessPolicy(
        at("one"), account_id=ACCOUNT, name="agents", decision=at.unknown, includes=[{"serviceToken": {"tokenId": "1" * 32}}]
    )
