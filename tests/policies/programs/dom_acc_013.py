"""DOM-ACC-013: Nobody logs in to a machine."""

from __future__ import annotations

from parts import ignition, machine, settings

UNKNOWN = "undecided"


def passing(at):
    settings(at, ignition({}))


def failing(at):
    machine(at, key_name="mine")
    settings(at, ignition({}, masked=()))


def unknown(at):
    settings(at, at.unknown)
