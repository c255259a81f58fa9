"""DOM-WRK-068: Pods aren't told of the cluster's services."""

from workload import deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(enableServiceLinks=None))


def unknown(at):
    deployment(at("web"), pod(enableServiceLinks=at.unknown))
