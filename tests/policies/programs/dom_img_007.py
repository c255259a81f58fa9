"""DOM-IMG-007: Machines' images are named by id."""

from __future__ import annotations

from parts import machine

UNKNOWN = "undecided"


def passing(at):
    machine(at, image_id="ami-0123456789abcdef0")


def failing(at):
    machine(at, image_id="resolve:ssm:/images/newest")


def unknown(at):
    machine(at, image_id=at.unknown)
