"""DOM-WRK-054: No container is privileged."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(security={"privileged": True})))


def unknown(at):
    deployment(at("web"), pod(container(security={"privileged": at.unknown})))
