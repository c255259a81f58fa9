"""DOM-WRK-090: A machine's services are unprivileged."""

from local_host import service

UNKNOWN = "undecided"


def passing(at):
    service(at("one"), capabilities=["NET_BIND_SERVICE"])


def failing(at):
    service(at("root"), user="0:0")
    service(at("able"), capabilities=["SYS_ADMIN"])


def unknown(at):
    service(at("later"), user=at.unknown)
