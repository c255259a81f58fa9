"""DOM-ACC-050: Roles name what they may."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


def passing(at):
    k8s.rbac.v1.Role(at("pods"), rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["create", "get"]}])


def failing(at):
    k8s.rbac.v1.Role(at("all"), rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}])
    selectors = [{"matchLabels": {"aggregate": "yes"}}]
    k8s.rbac.v1.ClusterRole(at("sum"), aggregation_rule={"clusterRoleSelectors": selectors})


def unknown(at):
    k8s.rbac.v1.Role(at("later"), rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": at.unknown}])
