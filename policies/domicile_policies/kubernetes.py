"""Kubernetes objects as rules read them: pods in whatever carries them, namespaces, selectors. Called by the rules for Kubernetes.

What a selector selects: Kubernetes documentation, "Labels and Selectors" and API reference LabelSelector v1 (an empty one selects all).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domicile_policies.resource import NotKnown, Resource, Stack, Unknown

CARRIERS: Mapping[str, str] = {
    "kubernetes:core/*:Pod": "",
    "kubernetes:core/*:PodTemplate": "template",
    "kubernetes:core/*:ReplicationController": "spec.template",
    "kubernetes:apps/*:Deployment": "spec.template",
    "kubernetes:apps/*:ReplicaSet": "spec.template",
    "kubernetes:apps/*:StatefulSet": "spec.template",
    "kubernetes:apps/*:DaemonSet": "spec.template",
    "kubernetes:extensions/*:Deployment": "spec.template",
    "kubernetes:extensions/*:ReplicaSet": "spec.template",
    "kubernetes:extensions/*:DaemonSet": "spec.template",
    "kubernetes:batch/*:Job": "spec.template",
    "kubernetes:batch/*:CronJob": "spec.jobTemplate.spec.template",
}
"""What carries a pod, and where in it the pod's metadata and spec stand."""

_LISTS = ("containers", "initContainers", "ephemeralContainers")


@dataclass(frozen=True)
class Container:
    """One container of a pod, of whichever list. `short_lived`: put in by hand later; it can't have limits or ports."""

    resource: Resource
    path: str
    pod: str
    short_lived: bool = False

    def get(self, path: str, default: Any = None) -> Any:
        return self.resource.get(f"{self.path}.{path}", default)

    def items(self, path: str) -> Iterator[tuple[str, Any]]:
        return self.resource.items(f"{self.path}.{path}")

    def secured(self, name: str) -> tuple[str, Any]:
        """A setting of the security context, the container's own before its pod's; with the path to mend."""
        own = f"{self.path}.securityContext.{name}"
        value = self.resource.get(own)
        if value is None:
            value = self.resource.get(f"{self.pod}.securityContext.{name}")
        return own, value


@dataclass(frozen=True)
class Pod:
    """A pod as its carrier has it. `path` is that of the spec, `metadata` of what labels it."""

    resource: Resource
    path: str
    metadata: str

    def get(self, path: str, default: Any = None) -> Any:
        return self.resource.get(f"{self.path}.{path}", default)

    def at(self, path: str) -> str:
        return f"{self.path}.{path}"

    def items(self, path: str) -> Iterator[tuple[str, Any]]:
        return self.resource.items(self.at(path))

    def containers(self) -> Iterator[Container]:
        """All of them; raises NotKnown where it isn't known which there are."""
        for name in _LISTS:
            for at, _ in self.items(name):
                yield Container(self.resource, at, self.path, name == "ephemeralContainers")

    def labels(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.resource.get(f"{self.metadata}.labels", {})
        return found


def pod(resource: Resource) -> Pod:
    """The pod that a resource of one of the CARRIERS carries."""
    where = next(path for pattern, path in CARRIERS.items() if resource.is_a(pattern))
    return Pod(resource, f"{where}.spec" if where else "spec", f"{where}.metadata" if where else "metadata")


def pods(stack: Stack) -> Iterator[Pod]:
    for resource in stack.of(*CARRIERS):
        yield pod(resource)


def namespace(resource: Resource) -> str:
    """Where an object lies: the namespace's name, or while that isn't known the URN of the one Namespace that it is made from."""
    try:
        named = resource.get("metadata.namespace") or resource.provider.get("namespace") or "default"
    except NotKnown:
        made = [each for each in resource.sources("metadata") or () if each.type == "kubernetes:core/v1:Namespace"]
        if len(made) != 1:
            raise
        return made[0].urn
    if isinstance(named, Unknown):
        raise NotKnown("the provider's namespace")
    return str(named)


def together(one: Resource, other: Resource) -> bool:
    """Whether two objects lie in one namespace."""
    return namespace(one) == namespace(other)


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector fits; None fits nothing, an empty one anything. Raises NotKnown for labels that aren't known."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if not all(key in labels and labels[key] == value for key, value in wanted.items()):
        return False
    return all(_meets(each, labels) for each in selector.get("matchExpressions") or ())


def _meets(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    operator = expression["operator"]
    if operator in ("In", "NotIn"):
        return bool(value is not None and value in values) is bool(operator == "In")
    return (value is not None) is bool(operator == "Exists")
