"""NetworkPolicies: what pods that run sandboxes may reach.

- A pod is isolated for egress once any policy selects it that has `Egress` among its `policyTypes`; before that everything is allowed.
  Without `policyTypes` a policy is about egress only if it has egress rules (Kubernetes: Network Policies, the two sorts of isolation).
- Policies add up: what any of them allows is allowed; their order means nothing (same page).
- An empty selector selects every pod of the policy's own namespace; labels and expressions of one selector must all hold (API:
  LabelSelector).
- A rule without `to` allows every destination, one without `ports` every port; `to: [{podSelector}]` is about the policy's namespace,
  `namespaceSelector` about namespaces by their labels, both in one entry about both at once (same page: behaviour of to and from).
- Each namespace has the label `kubernetes.io/metadata.name` with its name (same page: targeting a namespace by its name).
- `ipBlock` allows a network without its `except`s; a second rule may allow them again (same page).
- `endPort` makes a range of ports; a port without protocol is TCP's (API: NetworkPolicyPort).

Allowed are the pods that are declared as doors; DNS is a way out as any other, unless the pods that answer are declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from domicile.residency import Source
from domicile_policies.reach.declared import Declared
from domicile_policies.reach.proof import Hop, Proof, Way, hop, told
from domicile_policies.reach.relations import listed, raw
from domicile_policies.reach.traffic import ANY, Ports, network, ports
from domicile_policies.resource import NotKnown, Resource, Stack, Unknown, known

SOURCE = Source("kubernetes.io: Network Policies; API reference, NetworkPolicy v1", "1.33")
POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
NAMESPACE = "kubernetes:core/v1:Namespace"
SANDBOX = {"domicile.dev/role": "sandbox"}
"""What Domicile's own sandbox pods bear."""

DOOR = {"domicile.dev/role": "egress"}
"""What the pods of the egress proxy bear."""

_PODS = (
    "kubernetes:core/v1:Pod",
    "kubernetes:apps/v1:*",
    "kubernetes:batch/v1:*",
    "kubernetes:agents.x-k8s.io/*:*",
    "kubernetes:*:Sandbox*",
)
_TEMPLATES = ("", "spec.template", "spec.jobTemplate.spec.template", "spec.podTemplate")
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Pods:
    """Pods of one template: their namespace, labels, and the resource that makes them."""

    namespace: str
    labels: Labels
    resource: Resource


@dataclass(frozen=True)
class Reach:
    """One destination of a rule: a network with holes, or pods. `anywhere`: no `to` at all."""

    policy: Resource
    path: str
    ports: tuple[Ports, ...]
    anywhere: bool = False
    block: str = ""
    holes: tuple[str, ...] = ()
    namespaces: Any = None
    pods: Any = None

    @property
    def by(self) -> str:
        to = "anywhere" if self.anywhere else self.block or f"pods {_selector(self.pods)} of namespaces {_selector(self.namespaces)}"
        holes = f" but {', '.join(self.holes)}" if self.holes else ""
        return f"{self.path}: {', '.join(map(str, self.ports))} to {to}{holes}"


def prove(stack: Stack, declared: Declared, proof: Proof) -> bool:
    """Whether the stack has pods that run sandboxes; what was found is in `proof`."""
    sandboxes = [each for each in pods(stack) if selected({"matchLabels": dict(declared.pods or SANDBOX)}, each.labels)]
    for each in sandboxes:
        try:
            _sandbox(stack, each, declared, proof)
        except NotKnown as error:
            why = f"a NetworkPolicy can't be read: {error.path} isn't known"
            proof.find("undecided", why, (Hop("sandbox", "", each.resource),), "anywhere", each.resource, error.path)
    if sandboxes:
        proof.assume("the cluster's network plugin enforces NetworkPolicies", "docs/EGRESS_PROOF.md: ask the cluster, not the manifest")
    return bool(sandboxes)


def _sandbox(stack: Stack, pod: Pods, declared: Declared, proof: Proof) -> None:
    start = (Hop("sandbox", told(pod.resource), pod.resource),)
    guards = [policy for policy in stack.of(POLICY) if selects(policy, pod)]
    if not guards:
        proof.find("open", "no NetworkPolicy selects it for egress", start, "anywhere", pod.resource, "metadata.labels")
    for policy in guards:
        for reach in reaches(policy):
            way = (*start, hop(policy, reach.by))
            to = reach.by.partition(" to ")[2]
            if is_door(reach, declared):
                proof.allow(Way(to, way))
            else:
                proof.find("open", "a NetworkPolicy lets it reach what isn't declared", way, to, policy, reach.path)


# --- which pods ------------------------------------------------------------------------------------------------------------


def pods(stack: Stack) -> Iterator[Pods]:
    """Every pod template of a stack."""
    for resource in stack.of(*_PODS):
        for path in _TEMPLATES:
            labels = raw(resource.inputs, f"{path}.metadata.labels" if path else "metadata.labels")
            if isinstance(labels, Mapping):
                yield Pods(_namespace(resource), {k: v for k, v in labels.items() if isinstance(v, str)}, resource)


def selects(policy: Resource, pod: Pods) -> bool:
    """Whether a policy isolates these pods for egress."""
    spec = policy.get("spec", {})
    types = spec.get("policyTypes") if known(spec.get("policyTypes")) else None
    about = "Egress" in types if types else bool(spec.get("egress"))
    return about and _namespace(policy) == pod.namespace and selected(spec.get("podSelector", {}), pod.labels)


def selected(selector: Any, labels: Labels) -> bool:
    """Whether labels fit a LabelSelector. Raises NotKnown."""
    if not known(selector):
        raise NotKnown("spec.podSelector")
    selector = selector or {}
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_expression(each, labels) for each in selector.get("matchExpressions", ()))


def _expression(each: Mapping[str, Any], labels: Labels) -> bool:
    value, values = labels.get(str(each.get("key"))), each.get("values", ())
    operator = each.get("operator")
    if operator == "In":
        return value in values
    if operator == "NotIn":
        return value not in values
    return (value is not None) == (operator == "Exists")


def _namespace(resource: Resource) -> str:
    """Its name; of a namespace made in the stack the one that it is made from."""
    value = raw(resource.inputs, "metadata.namespace")
    if isinstance(value, Unknown):
        made = [each for each in resource.sources("metadata") or () if each.is_a(NAMESPACE)]
        return f"made:{made[0].urn}" if made else f"unknown:{resource.urn}"
    return value if isinstance(value, str) else "default"


# --- what a policy lets through ----------------------------------------------------------------------------------------------


def reaches(policy: Resource) -> Iterator[Reach]:
    """Every destination that a policy allows. Raises NotKnown."""
    for n, rule in enumerate(listed(policy.get("spec.egress"))):
        if isinstance(rule, Unknown):
            raise NotKnown(f"spec.egress[{n}]")
        allowed = _ports(rule.get("ports"))
        if not rule.get("to"):
            yield Reach(policy, f"spec.egress[{n}]", allowed, anywhere=True)
        for m, peer in enumerate(rule.get("to") or ()):
            yield _peer(policy, f"spec.egress[{n}].to[{m}]", allowed, peer)


def _peer(policy: Resource, path: str, allowed: tuple[Ports, ...], peer: Any) -> Reach:
    if not known(peer):
        raise NotKnown(path)
    block = peer.get("ipBlock")
    if block is not None:
        return Reach(policy, path, allowed, block=str(block.get("cidr")), holes=tuple(block.get("except", ())))
    return Reach(policy, path, allowed, namespaces=peer.get("namespaceSelector"), pods=peer.get("podSelector"))


def _ports(given: Any) -> tuple[Ports, ...]:
    found = []
    for each in given or ():
        port = each.get("port") if isinstance(each, Mapping) else None
        protocol = each.get("protocol", "TCP") if isinstance(each, Mapping) else None
        found.append(ports(protocol, port, each.get("endPort")) if isinstance(port, int) else ports(protocol))
    return tuple(found) or (ANY,)


def lets(reach: Reach, address: str, wanted: Ports) -> bool:
    """Whether a destination outside the cluster is let through."""
    if not any(each.meets(wanted) for each in reach.ports):
        return False
    if reach.anywhere:
        return True
    there = network(reach.block)
    here = ip_network(address)
    inside = there is not None and there.version == here.version and here.subnet_of(there)  # type: ignore[arg-type]
    return inside and not any((hole := network(each)) and hole.version == here.version and here.subnet_of(hole) for each in reach.holes)  # type: ignore[arg-type]


def is_door(reach: Reach, declared: Declared) -> bool:
    """Whether a destination is only pods that are declared doors, of namespaces that this stack names."""
    if reach.anywhere or reach.block or reach.pods is None:
        return False
    doors = [DOOR, *declared.doors]
    labels = reach.pods.get("matchLabels", {})
    narrow = any(all(labels.get(key) == value for key, value in door.items()) for door in doors)
    whole = reach.namespaces is None or bool(reach.namespaces.get("matchLabels") or reach.namespaces.get("matchExpressions"))
    return narrow and whole and all(each.protocol != "any" for each in reach.ports)


def _selector(selector: Any) -> str:
    if selector is None:
        return "(its own)"
    labels = ", ".join(f"{k}={v}" for k, v in (selector.get("matchLabels") or {}).items())
    return labels or ("(by expression)" if selector.get("matchExpressions") else "(all)")
