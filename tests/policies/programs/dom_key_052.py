"""DOM-KEY-052: Secrets reach containers as files."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"), pod(container(env=[{"name": "LEVEL", "value": "info"}])))


def failing(at):
    reference = {"secretKeyRef": {"name": "key", "key": "key"}}
    deployment(at("one"), pod(container(env=[{"name": "KEY", "valueFrom": reference}])))
    deployment(at("all"), pod(container(envFrom=[{"secretRef": {"name": "key"}}])))


def unknown(at):
    deployment(at("web"), pod(container(env=[{"name": "KEY", "valueFrom": at.unknown}])))
