"""DOM-WRK-057: Pods carry no service account's token."""

from workload import deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("web"), pod(automountServiceAccountToken=None))
    projected = {"name": "token", "projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    deployment(at("projected"), pod(volumes=[projected]))


def unknown(at):
    deployment(at("web"), pod(automountServiceAccountToken=at.unknown))
