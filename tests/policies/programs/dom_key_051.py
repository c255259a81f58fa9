"""DOM-KEY-051: No secret stands in a container's environment."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"), pod(container(env=[{"name": "KEY_FILE", "value": "/run/secrets/key"}, {"name": "LEVEL", "value": "info"}])))


def failing(at):
    deployment(at("web"), pod(container(env=[{"name": "API_TOKEN", "value": "not-a-real-one"}])))


def unknown(at):
    deployment(at("web"), pod(container(env=[{"name": "API_TOKEN", "value": at.unknown}])))
