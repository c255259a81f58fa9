"""DOM-WRK-058: Pods share no namespace of the node."""

from workload import deployment, one_pod, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    deployment(at("network"), pod(hostNetwork=True))
    one_pod(at("processes"), pod(hostPID=True))


def unknown(at):
    deployment(at("web"), pod(hostIPC=at.unknown))
