"""DOM-WRK-067: Workloads lie in a namespace of their own."""

from workload import deployment

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("unsaid"), namespace=None)
    deployment(at("system"), namespace="kube-system")


def unknown(at):
    deployment(at("web"), namespace=at.unknown)
