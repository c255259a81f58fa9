"""DOM-KEY-017: The environment key's age is watched."""

from __future__ import annotations

from parts import alarm, component

UNKNOWN = "undecided"


def watched(at, **more):
    opts = component(at, "EnvironmentKey")
    alarm(at, "EnvironmentKeyAgeSeconds", opts, **{"threshold": 90 * 86400, "treat_missing_data": "breaching", **more})


def passing(at):
    watched(at)


def failing(at):
    watched(at, treat_missing_data="notBreaching")


def unknown(at):
    watched(at, treat_missing_data=at.unknown)
