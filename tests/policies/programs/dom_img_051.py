"""DOM-IMG-051: Images come from a registry that is named."""

from workload import DIGEST, container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(image=f"library/python@{DIGEST}")))


def unknown(at):
    deployment(at("web"), pod(container(image=at.unknown)))
