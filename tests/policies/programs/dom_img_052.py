"""DOM-IMG-052: Images are pulled with the rights of who runs them."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(container(imagePullPolicy="IfNotPresent")))


def unknown(at):
    deployment(at("web"), pod(container(imagePullPolicy=at.unknown)))
