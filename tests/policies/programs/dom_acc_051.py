"""DOM-ACC-051: No role gives itself or others more."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.rbac.v1.Role(at("pods"), rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get"]}])


def failing(at):
    k8s.rbac.v1.Role(at("climber"), rules=[{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"], "verbs": ["escalate"]}])


def unknown(at):
    k8s.rbac.v1.Role(at("later"), rules=[{"apiGroups": [""], "resources": at.unknown, "verbs": ["create"]}])
