"""DOM-ACC-016: Machines are replaced within days."""

from __future__ import annotations

from parts import fleet

UNKNOWN = "undecided"


def living(at, seconds):
    fleet(at, availability_zones=["ap-northeast-1a"], max_instance_lifetime=seconds)


def passing(at):
    living(at, 7 * 86400)


def failing(at):
    living(at, 90 * 86400)


def unknown(at):
    living(at, at.unknown)
