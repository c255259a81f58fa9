"""Stacks as a policy pack sees them in a preview: the inputs of each resource, unknown values, and what each was made from."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from domicile.engine import UNKNOWN, Result, Secret
from domicile_policies.resource import Resource, Stack, Unknown, normalised


def of_preview(result: Result) -> Stack:
    """The resources that a preview planned."""
    return of_resources(step.new for step in result.steps if step.new is not None)


def of_resources(planned: Iterable[Any]) -> Stack:
    """Of the engine's resources, each once."""
    latest = {each.urn: each for each in planned}
    made = {urn: Resource(r.type, r.name, urn, normalised(_marked(r.inputs)), r.parent, leans_on={}) for urn, r in latest.items()}
    for urn, each in latest.items():
        tied = {name: [made[u] for u in urns if u in made] for name, urns in each.property_dependencies.items()}
        object.__setattr__(made[urn], "leans_on", tied)
    return Stack(list(made.values()))


def _marked(value: Any) -> Any:
    if isinstance(value, Secret):
        return _marked(value.value)
    if isinstance(value, str):
        return Unknown("") if value == UNKNOWN else value
    if isinstance(value, Mapping):
        return {key: _marked(each) for key, each in value.items()}
    return [_marked(each) for each in value] if isinstance(value, list) else value


class Changed:
    """A copy of a stack to be changed: resources are found by type's last part and name."""

    def __init__(self, stack: Stack) -> None:
        self._resources = {each.urn: each for each in stack.resources}
        self._inputs = {urn: copy.deepcopy(dict(each.inputs)) for urn, each in self._resources.items()}
        self._leans = {urn: {k: [r.urn for r in v] for k, v in (each.leans_on or {}).items()} for urn, each in self._resources.items()}
        self._new: list[str] = []

    def urn(self, kind: str, name: str) -> str:
        found = [u for u, r in self._resources.items() if r.type.endswith(f":{kind}") and r.name == name]
        assert len(found) == 1, f"{kind} {name}: {found}"
        return found[0]

    def inputs(self, kind: str, name: str) -> dict[str, Any]:
        return self._inputs[self.urn(kind, name)]

    def drop(self, kind: str, name: str) -> None:
        gone = self.urn(kind, name)
        del self._resources[gone], self._inputs[gone], self._leans[gone]

    def lean(self, kind: str, name: str, prop: str, *targets: tuple[str, str]) -> None:
        """Make a property out of these resources; its value isn't known, as in a first preview."""
        urn = self.urn(kind, name)
        self._leans[urn][prop] = [self.urn(*target) for target in targets]

    def add(self, type_: str, name: str, inputs: Mapping[str, Any], **leans: tuple[str, str] | list[tuple[str, str]]) -> None:
        """A new resource; the properties in `leans` are made from others, and unknown unless `inputs` has them."""
        urn = f"urn:pulumi:test::domicile::{type_}::{name}"
        tied = {prop: [t] if isinstance(t, tuple) else t for prop, t in leans.items()}
        values = {**{prop: Unknown(prop) for prop in tied if prop not in inputs}, **inputs}
        self._resources[urn] = Resource(type_, name, urn, values)
        self._inputs[urn] = values
        self._leans[urn] = {prop: [self.urn(*target) for target in targets] for prop, targets in tied.items()}

    def stack(self) -> Stack:
        made = {urn: replace(r, inputs=self._inputs[urn], leans_on={}) for urn, r in self._resources.items()}
        for urn, each in made.items():
            tied = {k: [made[u] for u in urns if u in made] for k, urns in self._leans[urn].items()}
            object.__setattr__(each, "leans_on", tied)
        return Stack(list(made.values()))


Change = Callable[[Changed], None]
