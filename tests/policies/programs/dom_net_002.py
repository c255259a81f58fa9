"""DOM-NET-002: Subnets hand out no public addresses."""

from __future__ import annotations

from parts import subnet, vpc

UNKNOWN = "undecided"


def passing(at):
    subnet(at, vpc(at))


def failing(at):
    subnet(at, vpc(at), map_public_ip_on_launch=True)


def unknown(at):
    subnet(at, vpc(at), map_public_ip_on_launch=at.unknown)
