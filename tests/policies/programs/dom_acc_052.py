"""DOM-ACC-052: Bindings give rights to somebody in particular."""

import pulumi_kubernetes as k8s

UNKNOWN = "undecided"


ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}


def passing(at):
    k8s.rbac.v1.RoleBinding(at("one"), role_ref={**ROLE, "name": "dispatcher"}, subjects=[{"kind": "ServiceAccount", "name": "dispatcher"}])


def failing(at):
    k8s.rbac.v1.RoleBinding(
        at("admin"), role_ref={**ROLE, "name": "cluster-admin"}, subjects=[{"kind": "ServiceAccount", "name": "dispatcher"}]
    )
    k8s.rbac.v1.RoleBinding(
        at("default"), role_ref={**ROLE, "name": "dispatcher"}, subjects=[{"kind": "ServiceAccount", "name": "default"}]
    )
    k8s.rbac.v1.RoleBinding(
        at("all"), role_ref={**ROLE, "name": "dispatcher"}, subjects=[{"kind": "Group", "name": "system:authenticated"}]
    )


def unknown(at):
    k8s.rbac.v1.RoleBinding(at("later"), role_ref={**ROLE, "name": at.unknown}, subjects=[{"kind": "ServiceAccount", "name": "dispatcher"}])
