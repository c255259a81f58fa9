"""DOM-WRK-066: Pods change nothing of the kernel that others share."""

from workload import container, deployment, pod

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"), pod(securityContext={"sysctls": [{"name": "net.ipv4.tcp_syncookies", "value": "1"}]}))


def failing(at):
    deployment(at("web"), pod(securityContext={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}))
    deployment(at("proc"), pod(container(security={"procMount": "Unmasked"})))


def unknown(at):
    deployment(at("web"), pod(container(security={"procMount": at.unknown})))
