"""DOM-WRK-064: Namespaces refuse pods that aren't confined."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


ENFORCE = "pod-security.kubernetes.io/enforce"


def passing(at):
    k8s.core.v1.Namespace(at("strict"), metadata={"labels": {ENFORCE: "restricted"}})


def failing(at):
    k8s.core.v1.Namespace(at("weak"), metadata={"labels": {ENFORCE: "baseline"}})
    k8s.core.v1.Namespace(at("none"))


def unknown(at):
    k8s.core.v1.Namespace(at("later"), metadata={"labels": {ENFORCE: at.unknown}})
