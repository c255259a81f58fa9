"""DOM-RES-082: Buckets are kept within the jurisdiction."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ACCOUNT = "0" * 32
ZONE = "1" * 32


def passing(at):
    cloudflare.RegionalHostname(at("other"), zone_id=ZONE, hostname="tool.example.com", region_key="jp")


def failing(at):
    cloudflare.R2Bucket(at("hinted"), account_id=ACCOUNT, name="hinted", location="apac")


def unknown(at):
    cloudflare.R2Bucket(at("later"), account_id=ACCOUNT, name="later", jurisdiction=at.unknown)
