"""DOM-WRK-065: Every object is one that can be judged."""

import pulumi_kubernetes as k8s
from workload import deployment

UNKNOWN = "undecided"


def passing(at):
    deployment(at("web"))


def failing(at):
    k8s.helm.v3.Release(at("chart"), chart="oci://registry.example/charts/agent", namespace="sandboxes")
    k8s.apps.v1.DeploymentPatch(at("patch"), metadata={"name": "web", "namespace": "sandboxes"})


def unknown(at):
    k8s.helm.v3.Release(at("chart"), chart=at.unknown, namespace="sandboxes")
