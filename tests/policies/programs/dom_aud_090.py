"""DOM-AUD-090: A worker host records what tools are given and answer."""

from local_host import SETTINGS, settings, unknown_settings

UNKNOWN = "undecided"


def passing(at):
    settings(at("told"))


def failing(at):
    settings(at("silent"), audit={**SETTINGS["audit"], "content": "none"})


def unknown(at):
    unknown_settings(at("told"), at.unknown)
