"""DOM-AUD-080: The gateway records what passes it."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32
ALL = {"logAll": True}


def passing(at):
    cloudflare.ZeroTrustGatewayLogging(at("one"), account_id=ACCOUNT, settings_by_rule_type={"dns": ALL, "http": ALL, "l4": ALL})


def failing(at):
    cloudflare.ZeroTrustGatewayLogging(
        at("one"), account_id=ACCOUNT, settings_by_rule_type={"dns": ALL, "http": {"logBlocks": True}, "l4": ALL}
    )


def unknown(at):
    cloudflare.ZeroTrustGatewayLogging(at("one"), account_id=ACCOUNT, settings_by_rule_type={"dns": ALL, "http": at.unknown, "l4": ALL})
