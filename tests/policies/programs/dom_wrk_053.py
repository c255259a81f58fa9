"""DOM-WRK-053: No process gains rights."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(security={"allowPrivilegeEscalation": None})))


def unknown(at):
    deployment(at("web"), pod(container(security={"allowPrivilegeEscalation": at.unknown})))
