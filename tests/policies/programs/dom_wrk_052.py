"""DOM-WRK-052: Root file systems are read-only."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(security={"readOnlyRootFilesystem": None})))
    deployment(at("init"), pod(initContainers=[container(security={"readOnlyRootFilesystem": False})]))


def unknown(at):
    deployment(at("web"), pod(container(security={"readOnlyRootFilesystem": at.unknown})))
