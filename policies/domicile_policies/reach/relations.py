"""Which resources a property names.

A known id is looked up; what isn't known in a preview is told by what it is made from (`Resource.leans_on`, Pulumi's property
dependencies). On live state, where ids are known and no resource shows its own, both are counted against each other. What is left
over is foreign (a known id of nothing in this stack) or unseen; both are for the caller to refuse.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domicile_policies.resource import Resource, Stack, Unknown

_NAMES = ("id", "arn", "name", "bucket")


@dataclass(frozen=True)
class Named:
    """What was found for a property."""

    resources: tuple[Resource, ...] = ()
    foreign: tuple[str, ...] = ()
    unseen: bool = False

    @property
    def whole(self) -> bool:
        """Whether everything that is named is in this stack."""
        return not self.foreign and not self.unseen


class Relations:
    """The ids of a stack, looked up often."""

    def __init__(self, stack: Stack) -> None:
        self._by_id: dict[str, list[Resource]] = defaultdict(list)
        for resource in stack.resources:
            for name in _NAMES:
                value = resource.inputs.get(name)
                if isinstance(value, str):
                    self._by_id[value].append(resource)

    def named(self, resource: Resource, path: str, *types: str) -> Named:
        """What `path` of a resource names, of these types."""
        value = raw(resource.inputs, path)
        if value is None:
            return Named()
        leans = list(dict.fromkeys(each for each in resource.sources(path) or () if each.is_a(*types)))
        if isinstance(value, Unknown):
            return Named(tuple(leans), unseen=not leans)
        return self._told(list(_flat(value)), leans, types)

    def _told(self, elements: list[Any], leans: list[Resource], types: tuple[str, ...]) -> Named:
        known = [each for each in elements if isinstance(each, str) and each]
        unknown = sum(isinstance(each, Unknown) for each in elements)
        found: dict[str, list[Resource]] = {text: [r for r in self._by_id.get(text, ()) if r.is_a(*types)] for text in known}
        matched = list(dict.fromkeys(r for each in found.values() for r in each))
        strangers = [text for text, each in found.items() if not each]
        if not unknown and not strangers:
            return Named(tuple(matched))
        spare = [each for each in leans if each not in matched]
        left = max(0, len(spare) - unknown)
        foreign = tuple(strangers) if len(strangers) > left else ()
        return Named((*matched, *spare), foreign, unseen=unknown > len(spare))

    def one(self, resource: Resource, path: str, *types: str) -> Resource | None:
        """The single resource that `path` names; None if it isn't one of this stack's."""
        found = self.named(resource, path, *types)
        return found.resources[0] if len(found.resources) == 1 and found.whole else None


def raw(inputs: Mapping[str, Any], path: str) -> Any:
    """The value at `path` as it is: an `Unknown` is given, not raised."""
    value: Any = inputs
    for step in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Mapping):
            value = value.get(step)
        else:
            value = value[int(step)] if isinstance(value, list) and step.isdigit() and int(step) < len(value) else None
    return value


def is_true(value: Any) -> bool:
    """Booleans as providers write them; what isn't known may be true."""
    return isinstance(value, Unknown) or value is True or (isinstance(value, str) and value.lower() == "true")


def given(value: Any) -> bool:
    """Whether there is something, known or not; an empty text is nothing."""
    return isinstance(value, Unknown) or (value is not None and value != "")


def listed(value: Any) -> list[Any]:
    """A list as it is; one value alone, or an unknown one, as a list of one; nothing as none."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for each in value:
            yield from _flat(each)
    elif value is not None:
        yield value
