"""DOM-IMG-090: A machine runs images by digest."""

from local_host import service

UNKNOWN = "undecided"


def passing(at):
    service(at("one"))


def failing(at):
    service(at("tagged"), image="localhost/domicile/host:latest")


def unknown(at):
    service(at("later"), image=at.unknown)
