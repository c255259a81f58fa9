"""DOM-EGR-050: Every workload is denied what goes out by default."""

import pulumi_kubernetes as k8s
from workload import deployment, policy

UNKNOWN = "undecided"
ALONE = True


def passing(at):
    space = k8s.core.v1.Namespace(at("space"))
    deployment(at("pool"), namespace=space.metadata["name"])
    policy(at("deny"), ["Egress"], namespace=space.metadata["name"])


def failing(at):
    deployment(at("pool"))
    policy(at("ingress-alone"), ["Ingress"])
    policy(at("others"), ["Egress"], {"matchLabels": {"app": "other"}})


def unknown(at):
    deployment(at("pool"), namespace=at.unknown)
    policy(at("deny"), ["Egress"])
