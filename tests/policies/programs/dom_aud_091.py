"""DOM-AUD-091: A machine's audit archive is retained."""

from local_host import archive, service

UNKNOWN = "undecided"
ALONE = True


def passing(at):
    service(at("shipper"))
    archive(retain=True)


def failing(at):
    service(at("shipper"))
    archive(retain=False)


def unknown(at):
    service(at("shipper"))
    archive(retain=at.unknown)
