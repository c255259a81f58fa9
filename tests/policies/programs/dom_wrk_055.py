"""DOM-WRK-055: All capabilities are dropped."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(security={"capabilities": {"drop": ["NET_RAW"]}})))
    deployment(at("more"), pod(container(security={"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}})))


def unknown(at):
    deployment(at("web"), pod(container(security={"capabilities": {"drop": ["ALL"], "add": at.unknown}})))
