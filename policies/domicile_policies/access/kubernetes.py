"""Rights in a Kubernetes cluster: few, named, and none that leads to more."""

from __future__ import annotations

from collections.abc import Iterator

from domicile_policies.resource import Resource
from domicile_policies.rule import Asked, Violation, rule

_ROLES = ("kubernetes:rbac.authorization.k8s.io/*:Role", "kubernetes:rbac.authorization.k8s.io/*:ClusterRole")
_BINDINGS = ("kubernetes:rbac.authorization.k8s.io/*:RoleBinding", "kubernetes:rbac.authorization.k8s.io/*:ClusterRoleBinding")
_LEAST = ("SOC2:CC6.3", "ISO27001:A.8.2", "NIST:AC-6", "NIST:AC-3")
_READS = ("get", "list", "watch")
_LEADS_ON = ("escalate", "bind", "impersonate")
_EVERYBODY = ("system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts", "system:masters")


@rule(
    "DOM-ACC-050", "Roles name what they may.", *_ROLES, severity="high", controls=_LEAST,
    why="A star grows with the cluster: with each new kind of object the role may more, and nobody decided that.",
    fix="List apiGroups, resources and verbs one by one; aggregate no ClusterRole by label.",
)  # fmt: skip
def no_wildcards(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for at, _ in resource.items("rules"):
        for part in ("apiGroups", "resources", "verbs", "nonResourceURLs"):
            if any(each == "*" or each.endswith("/*") for each in resource.get(f"{at}.{part}", [])):
                yield Violation(f"{at}.{part}", "has a *")
    if resource.get("aggregationRule"):
        yield Violation("aggregationRule", "takes rules from roles that aren't seen here")


@rule(
    "DOM-ACC-051", "No role gives itself or others more.", *_ROLES, severity="critical", controls=_LEAST,
    why="Who may escalate, bind or impersonate has every right there is, one step later.",
    fix="Remove the verbs escalate, bind and impersonate, and rights to sign certificates or to make tokens for service accounts.",
)  # fmt: skip
def leads_nowhere(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for at, _ in resource.items("rules"):
        verbs, kinds = resource.get(f"{at}.verbs", []), resource.get(f"{at}.resources", [])
        for verb in _LEADS_ON:
            if verb in verbs:
                yield Violation(f"{at}.verbs", f"has {verb}")
        if "create" in verbs and "serviceaccounts/token" in kinds:
            yield Violation(f"{at}.resources", "may make service accounts' tokens")
        if "certificatesigningrequests/approval" in kinds:
            yield Violation(f"{at}.resources", "may approve certificates")


@rule(
    "DOM-ACC-052", "Bindings give rights to somebody in particular.", *_BINDINGS, severity="critical", controls=_LEAST,
    why="cluster-admin may everything; a group of all accounts, or a namespace's default account, is whoever gets into any pod.",
    fix="Bind a role of this stack to a ServiceAccount made for one workload.",
    parameters={"refused_roles": {"type": "array", "items": {"type": "string"}, "default": ["cluster-admin", "admin", "edit"]}},
)  # fmt: skip
def somebody(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if (role := resource.get("roleRef.name")) in asked.parameters["refused_roles"]:
        yield Violation("roleRef.name", f"is {role}")
    for at, _ in resource.items("subjects"):
        kind, name = resource.get(f"{at}.kind"), resource.get(f"{at}.name", "")
        if kind in ("User", "Group") and (name in _EVERYBODY or name.startswith("system:serviceaccounts:")):
            yield Violation(f"{at}.name", f"is {name}")
        if kind == "ServiceAccount" and name == "default":
            yield Violation(f"{at}.name", "is a namespace's default account")


@rule(
    "DOM-ACC-053", "Roles read no secret but those they name.", *_ROLES, severity="high",
    controls=("SOC2:CC6.1", "ISO27001:A.8.3", "NIST:AC-6", "NIST:IA-5"),
    why="Who may list Secrets has all of the namespace's credentials at once; `list` gives their values too.",
    fix="Give get on resourceNames that are listed, and no list or watch.",
)  # fmt: skip
def named_secrets(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for at, _ in resource.items("rules"):
        verbs = resource.get(f"{at}.verbs", [])
        if "secrets" not in resource.get(f"{at}.resources", []):
            continue
        if not resource.get(f"{at}.resourceNames") and any(verb in verbs for verb in _READS):
            yield Violation(f"{at}.resourceNames", "is absent: it may read every Secret")


@rule(
    "DOM-ACC-054", "Service accounts give their token to nobody by themselves.", "kubernetes:core/v1:ServiceAccount", severity="medium",
    controls=("SOC2:CC6.2", "ISO27001:A.5.17", "NIST:IA-5"),
    why="A pod that says nothing gets its account's token mounted.",
    fix="Set automountServiceAccountToken: false on the account, and name no long-lived `secrets`.",
)  # fmt: skip
def no_automount(resource: Resource, asked: Asked) -> Iterator[Violation]:
    if resource.get("automountServiceAccountToken") is not False:
        yield Violation("automountServiceAccountToken", "isn't false")
    if resource.get("secrets"):
        yield Violation("secrets", "names tokens that never expire")
