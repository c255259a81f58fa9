"""DOM-TUN-082: A tunnel opens what it names, and nothing else."""

from cloudflare_tunnel import LAST, TOOL, opens

UNKNOWN = "undecided"


def passing(at):
    opens(at("one"), TOOL, LAST)


def failing(at):
    opens(at("all"), {"service": "https://tool.internal:8443"})
    opens(at("star"), {**TOOL, "hostname": "*.example.com"}, LAST)


def unknown(at):
    opens(at("one"), {**TOOL, "hostname": at.unknown}, LAST)
