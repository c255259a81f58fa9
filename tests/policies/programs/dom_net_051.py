"""DOM-NET-051: Nothing is published."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.core.v1.Service(at("api"), spec={"type": "ClusterIP", "ports": [{"port": 443}]})


def failing(at):
    k8s.networking.v1.Ingress(at("web"), spec={"defaultBackend": {"service": {"name": "api", "port": {"number": 443}}}})


def unknown(at):
    k8s.networking.v1.Ingress(at("web"), spec=at.unknown)
