"""DOM-EGR-090: A worker host's allowlist names hosts."""

from local_host import settings, unknown_settings

UNKNOWN = "undecided"


def passing(at):
    settings(at("told"))


def failing(at):
    settings(at("star"), egress={"rules": [{"host": "*.example.com"}]})
    settings(at("open"), egress={"rules": [{"host": "api.example.com", "mode": "inspect"}]})


def unknown(at):
    unknown_settings(at("told"), at.unknown)
