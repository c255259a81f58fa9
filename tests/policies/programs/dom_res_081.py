"""DOM-RES-081: Names are served within the jurisdiction."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ZONE = "1" * 32


def passing(at):
    cloudflare.RegionalHostname(at("one"), zone_id=ZONE, hostname="tool.example.com", region_key="jp")


def failing(at):
    cloudflare.RegionalHostname(at("abroad"), zone_id=ZONE, hostname="tool.example.com", region_key="us")
    cloudflare.RegionalHostname(at("several"), zone_id=ZONE, hostname="tool.example.com", region_key="nato")


def unknown(at):
    cloudflare.RegionalHostname(at("one"), zone_id=ZONE, hostname="tool.example.com", region_key=at.unknown)
