"""DOM-WRK-050: Containers run as a user that isn't root."""

from workload import container, deployment, one_pod, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("own"))
    deployment(at("pods"), pod(container(security={"runAsNonRoot": None}), securityContext={"runAsNonRoot": True}))


def failing(at):
    deployment(at("web"), pod(container(security={"runAsNonRoot": None})))
    one_pod(at("root"), pod(container(security={"runAsUser": 0})))


def unknown(at):
    deployment(at("web"), pod(container(security={"runAsNonRoot": at.unknown})))
