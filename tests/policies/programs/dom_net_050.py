"""DOM-NET-050: Services open nothing to the outside."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.core.v1.Service(at("api"), spec={"type": "ClusterIP", "selector": {"app": "api"}, "ports": [{"port": 443}]})


def failing(at):
    k8s.core.v1.Service(at("api"), spec={"type": "LoadBalancer", "selector": {"app": "api"}, "ports": [{"port": 443}]})
    k8s.core.v1.Service(at("outer"), spec={"externalIPs": ["198.51.100.7"], "ports": [{"port": 443}]})


def unknown(at):
    k8s.core.v1.Service(at("api"), spec={"type": at.unknown, "selector": {"app": "api"}, "ports": [{"port": 443}]})
