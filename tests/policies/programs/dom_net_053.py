"""DOM-NET-053: Every workload is denied what comes in by default."""

from workload import LABELS, deployment, policy

UNKNOWN = "undecided"
ALONE = True


def passing(at):
    deployment(at("web"))
    policy(at("deny"), ["Ingress"])


def failing(at):
    deployment(at("web"))
    policy(at("elsewhere"), ["Ingress"], namespace="others")
    policy(at("other-way"), ["Egress"])


def unknown(at):
    deployment(at("web"), labels=at.unknown)
    policy(at("deny"), ["Ingress"], {"matchLabels": LABELS})
