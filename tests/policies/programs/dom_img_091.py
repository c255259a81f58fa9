"""DOM-IMG-091: Sandboxes run a signed image."""

from local_host import settings, unknown_settings

UNKNOWN = "undecided"


def passing(at):
    settings(at("told"))


def failing(at):
    settings(at("unsigned"), sandboxes={"image": {"digest": "sha256:" + "2" * 64}})


def unknown(at):
    unknown_settings(at("told"), at.unknown)
