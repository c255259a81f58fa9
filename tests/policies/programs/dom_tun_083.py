"""DOM-TUN-083: What a tunnel opens is behind Access."""

from cloudflare_tunnel import ACCESS, LAST, TOOL, opens

UNKNOWN = "undecided"


def passing(at):
    opens(at("one"), TOOL, LAST)


def failing(at):
    opens(at("open"), {**TOOL, "originRequest": {"access": {**ACCESS, "required": False}}}, LAST)


def unknown(at):
    opens(at("one"), {**TOOL, "originRequest": {"access": {**ACCESS, "required": at.unknown}}}, LAST)
