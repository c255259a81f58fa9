"""DOM-IMG-050: Images are named by digest."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(image="registry.example/sandbox:1.2")))


def unknown(at):
    deployment(at("web"), pod(container(image=at.unknown)))
