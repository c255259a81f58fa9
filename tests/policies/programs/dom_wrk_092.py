"""DOM-WRK-092: A machine's services have limits."""

from local_host import service

UNKNOWN = "undecided"


def passing(at):
    service(at("one"))


def failing(at):
    service(at("greedy"), memory_bytes=1 << 40)


def unknown(at):
    service(at("later"), memory_bytes=at.unknown)
