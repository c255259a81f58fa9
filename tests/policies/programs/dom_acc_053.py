"""DOM-ACC-053: Roles read no secret but those they name."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.rbac.v1.Role(at("one"), rules=[{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["tls"], "verbs": ["get"]}])


def failing(at):
    k8s.rbac.v1.Role(at("all"), rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}])


def unknown(at):
    k8s.rbac.v1.Role(at("later"), rules=[{"apiGroups": [""], "resources": ["secrets"], "verbs": at.unknown}])
