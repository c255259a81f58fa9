"""DOM-WRK-069: Containers of a pod don't see each other's processes."""

from workload import deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(shareProcessNamespace=True))


def unknown(at):
    deployment(at("web"), pod(shareProcessNamespace=at.unknown))
