"""DOM-TUN-003: A tunnel has two hosts, and somebody is told when it is down."""

from __future__ import annotations

from parts import alarm, component, fleet

UNKNOWN = "undecided"


def hosts(at, least):
    opts = component(at, "McpTunnel")
    fleet(at, min_size=least, max_size=3, availability_zones=["ap-northeast-1a"], opts=opts)
    alarm(at, "TunnelNotReady", opts, treat_missing_data="breaching")


def passing(at):
    hosts(at, 2)


def failing(at):
    hosts(at, 1)


def unknown(at):
    hosts(at, at.unknown)
