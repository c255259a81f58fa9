"""DOM-TUN-084: A tunnel checks who it speaks to behind it."""

from cloudflare_tunnel import LAST, TOOL, opens

UNKNOWN = "undecided"


def passing(at):
    opens(at("one"), TOOL, LAST)


def failing(at):
    opens(at("blind"), {**TOOL, "originRequest": {"noTlsVerify": True}}, LAST)
    opens(at("plain"), {**TOOL, "service": "http://tool.internal:8080"}, LAST)


def unknown(at):
    opens(at("one"), {**TOOL, "service": at.unknown}, LAST)
