"""DOM-NET-090: A worker host asks its control plane over TLS."""

from local_host import settings, unknown_settings

UNKNOWN = "undecided"


def passing(at):
    settings(at("told"))


def failing(at):
    settings(at("plain"), control_plane={"url": "http://203.0.113.10"})


def unknown(at):
    unknown_settings(at("told"), at.unknown)
