"""DOM-WRK-056: System calls are filtered."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(security={"seccompProfile": None})))
    deployment(at("off"), pod(container(security={"seccompProfile": {"type": "Unconfined"}})))


def unknown(at):
    deployment(at("web"), pod(container(security={"seccompProfile": {"type": at.unknown}})))
