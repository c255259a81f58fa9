"""DOM-WRK-060: Containers take no port of the node."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"), pod(container(ports=[{"containerPort": 8080}])))


def failing(at):
    deployment(at("web"), pod(container(ports=[{"containerPort": 8080, "hostPort": 8080}])))


def unknown(at):
    deployment(at("web"), pod(container(ports=[{"containerPort": 8080, "hostPort": at.unknown}])))
