"""DOM-NET-013: Networks have no IPv6."""

from __future__ import annotations

from parts import vpc

UNKNOWN = "undecided"


def passing(at):
    vpc(at)


def failing(at):
    vpc(at, assign_generated_ipv6_cidr_block=True)


def unknown(at):
    vpc(at, assign_generated_ipv6_cidr_block=at.unknown)
