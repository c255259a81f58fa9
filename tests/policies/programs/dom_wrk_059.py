"""DOM-WRK-059: Pods mount nothing of the node."""

from workload import deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"), pod(volumes=[{"name": "work", "emptyDir": {}}]))


def failing(at):
    deployment(at("web"), pod(volumes=[{"name": "socket", "hostPath": {"path": "/run/containerd/containerd.sock"}}]))


def unknown(at):
    deployment(at("web"), pod(volumes=at.unknown))
