"""DOM-TUN-089: A zone encrypts to the end, as new clients do."""

import pulumi_cloudflare as cloudflare

UNKNOWN = "undecided"


ZONE = "1" * 32


def passing(at):
    cloudflare.ZoneSetting(at("one"), zone_id=ZONE, setting_id="ssl", value="strict")


def failing(at):
    cloudflare.ZoneSetting(at("flexible"), zone_id=ZONE, setting_id="ssl", value="flexible")
    cloudflare.ZoneSetting(at("old"), zone_id=ZONE, setting_id="min_tls_version", value="1.0")


def unknown(at):
    cloudflare.ZoneSetting(at("one"), zone_id=ZONE, setting_id="ssl", value=at.unknown)
