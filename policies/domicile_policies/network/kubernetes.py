"""Ways into Kubernetes' workloads: none from outside, and from inside only those that a NetworkPolicy names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from domicile_policies.kubernetes import Pod, pods, selects, together
from domicile_policies.resource import Resource, Stack
from domicile_policies.rule import Asked, Violation, rule, stack_rule

POLICY = "kubernetes:networking.k8s.io/*:NetworkPolicy"
_CLOSED = ("SOC2:CC6.6", "ISO27001:A.8.20", "NIST:SC-7", "NIST:AC-4")
_DENIED = ("SOC2:CC6.6", "ISO27001:A.8.22", "NIST:SC-7(5)", "NIST:AC-4")
ANYWHERE = ("0.0.0.0/0", "::/0")


def governs(policy: Resource, direction: str) -> bool:
    """Whether a policy denies this direction ("Ingress", "Egress") to what it selects, but for its rules.

    Without policyTypes it is Ingress, and Egress where there are egress rules (API reference, NetworkPolicySpec v1).
    """
    types = policy.get("spec.policyTypes")
    if types is None:
        return direction == "Ingress" or bool(policy.get("spec.egress"))
    return direction in types


def selected(policy: Resource, pod: Pod) -> bool:
    """Whether a policy selects a pod, by its namespace and its labels."""
    return together(policy, pod.resource) and selects(policy.get("spec.podSelector"), pod.labels())


def bound(stack: Stack, pod: Pod, direction: str) -> bool:
    """Whether some policy denies a pod this direction by default."""
    return any(governs(each, direction) and selected(each, pod) for each in stack.of(POLICY))


def unbound(stack: Stack, direction: str) -> Iterator[Violation]:
    """Each workload that no policy denies this direction."""
    for each in pods(stack):
        if not bound(stack, each, direction):
            said = f"no NetworkPolicy of its namespace selects it and denies {direction.lower()} by default"
            yield Violation(f"{each.metadata}.labels", said, each.resource)


@rule(
    "DOM-NET-050", "Services open nothing to the outside.", "kubernetes:core/v1:Service", severity="critical", controls=_CLOSED,
    why="A load balancer or a node's port is an address that others reach; the perimeter has no way in.",
    fix="Use type ClusterIP and no externalIPs; what must be called from outside goes through the MCP tunnel.",
)  # fmt: skip
def no_exposure(resource: Resource, asked: Asked) -> Iterator[Violation]:
    kind = resource.get("spec.type", "ClusterIP")
    if kind in ("LoadBalancer", "NodePort"):
        yield Violation("spec.type", f"is {kind}")
    if resource.get("spec.externalIPs"):
        yield Violation("spec.externalIPs", "takes addresses of the outside")


@rule(
    "DOM-NET-051", "Nothing is published.", "kubernetes:networking.k8s.io/*:Ingress", "kubernetes:extensions/*:Ingress",
    "kubernetes:gateway.networking.k8s.io/*:*", severity="high", controls=_CLOSED,
    why="An Ingress or a Gateway publishes a service to whoever reaches the controller.",
    fix="Remove it; what must be called from outside goes through the MCP tunnel.",
)  # fmt: skip
def no_ingress(resource: Resource, asked: Asked) -> Iterator[Violation]:
    yield Violation("", f"{resource.type.rpartition(':')[2]} publishes services")


@rule(
    "DOM-NET-052", "No policy lets everybody in.", POLICY, severity="high", controls=_DENIED,
    why="An ingress rule without `from`, or from every address or namespace, takes the denial back for all that the policy selects.",
    fix="Name in `from` the pods that may call, by podSelector, with a namespaceSelector that names their namespace.",
)  # fmt: skip
def no_open_ingress(resource: Resource, asked: Asked) -> Iterator[Violation]:
    yield from wide(resource, "ingress", "from")


def wide(resource: Resource, direction: str, peers: str) -> Iterator[Violation]:
    """The rules of a policy that name everybody."""
    for at, _ in resource.items(f"spec.{direction}"):
        if not resource.get(f"{at}.{peers}"):
            yield Violation(f"{at}.{peers}", "is absent or empty, which means everybody")
        for peer, _ in resource.items(f"{at}.{peers}"):
            if reason := everybody(resource, peer):
                yield Violation(peer, reason)


def everybody(resource: Resource, peer: str) -> str:
    """Why a peer of a policy is anybody; empty if it isn't."""
    block = resource.get(f"{peer}.ipBlock.cidr")
    if block in ANYWHERE:
        return f"is {block}"
    spaces, chosen = (resource.get(f"{peer}.{name}") for name in ("namespaceSelector", "podSelector"))
    if spaces is not None and not _picky(spaces) and not _picky(chosen):
        return "is every pod of every namespace"
    return ""


def _picky(selector: Mapping[str, Any] | None) -> bool:
    return bool(selector and (selector.get("matchLabels") or selector.get("matchExpressions")))


@stack_rule(
    "DOM-NET-053", "Every workload is denied what comes in by default.", severity="high", controls=_DENIED,
    why="A pod that no ingress policy selects answers to every pod of the cluster, sandboxes of others among them.",
    fix="Declare a NetworkPolicy in the workload's namespace that selects it, with policyTypes that have Ingress.",
)  # fmt: skip
def bound_in(stack: Stack, asked: Asked) -> Iterator[Violation]:
    yield from unbound(stack, "Ingress")


@stack_rule(
    "DOM-NET-054", "Every policy selects something.", severity="medium",
    controls=("SOC2:CC7.1", "ISO27001:A.8.9", "NIST:SC-7(5)", "NIST:CM-6"),
    why="A deny rule whose labels fit nothing looks like protection and is none: a typing mistake, or a workload that was renamed.",
    fix="Mend podSelector so that it fits the labels of a workload in the policy's namespace, or remove the policy.",
)  # fmt: skip
def policies_select(stack: Stack, asked: Asked) -> Iterator[Violation]:
    workloads: Sequence[Pod] = list(pods(stack))
    for policy in stack.of(POLICY):
        if not _picky(policy.get("spec.podSelector")):
            continue  # it holds for whatever comes into its namespace
        if not any(selected(policy, each) for each in workloads):
            yield Violation("spec.podSelector", "selects no workload of this stack", policy)
