"""Resources as every rule sees them: plain values, and what isn't known in a preview can't be taken for something known."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any, NoReturn

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class NotKnown(Exception):
    """A rule read a value that isn't known yet. `path` is the property's, as `networkInterfaces[0].subnetId`."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} isn't known before it is made")
        self.path = path


class Unknown:
    """In the place of a value that isn't known in a preview. Whoever compares, counts or opens it gets `NotKnown`."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def _read(self, *_: object) -> NoReturn:
        raise NotKnown(self.path)

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __str__ = _read
    __hash__ = _read

    def __repr__(self) -> str:
        return f"Unknown({self.path!r})"


_GLOB = re.compile(r"[*?\[]")  # most patterns are plain types, and each that isn't costs a compilation


@cache
def matches(type_: str, patterns: tuple[str, ...]) -> bool:
    """Whether a type is one of these: `aws:ec2/*`. Rules ask it of the same few types over and over."""
    return any(fnmatchcase(type_, pattern) if _GLOB.search(pattern) else type_ == pattern for pattern in patterns)


def known(value: object) -> bool:
    """Whether a value, and everything in it, is known."""
    if isinstance(value, Unknown):
        return False
    if isinstance(value, Mapping):
        return all(known(each) for each in value.values())
    return all(known(each) for each in value) if isinstance(value, list | tuple) else True


@dataclass(frozen=True, eq=False)
class Resource:
    """One resource of a stack.

    `inputs` hold dicts, lists, strings, ints, floats and booleans, and `Unknown` where a value isn't known; what is absent or null is not
    in them. `parent` is a URN or empty. `leans_on` is by top-level property the resources from whose outputs its value was made; it is
    None where that isn't told (to a rule of one resource, as Pulumi calls them).
    """

    type: str
    name: str
    urn: str
    inputs: Mapping[str, Any]
    parent: str = ""
    protect: bool = False
    provider: Mapping[str, Any] = field(default_factory=dict)
    """The inputs of its provider: the region, for one."""
    leans_on: Mapping[str, Sequence[Resource]] | None = None

    def get(self, path: str, default: Any = None) -> Any:
        """The value at `path` (`ebs.encrypted`, `rules[0].action`), or the default where there is none. Raises NotKnown on the way."""
        value: Any = self.inputs
        for name, index in _STEP.findall(path):
            if isinstance(value, Unknown):
                raise NotKnown(value.path)
            if name:
                value = value.get(name) if isinstance(value, Mapping) else None
            else:
                value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
            if value is None:
                return default
        if isinstance(value, Unknown):
            raise NotKnown(value.path)
        return value

    def known(self, path: str) -> bool:
        """Whether the value at `path` can be read, if only as absent."""
        try:
            return known(self.get(path))
        except NotKnown:
            return False

    def items(self, path: str) -> Iterator[tuple[str, Any]]:
        """The elements of the list at `path`, each with its own path; one value alone is a list of one."""
        value = self.get(path, [])
        for n, each in enumerate(value if isinstance(value, list) else [value]):
            yield f"{path}[{n}]", each

    def document(self, path: str) -> Any:
        """The JSON text at `path`, read; None where there is none. Raises NotKnown, or ValueError if it is no JSON."""
        text = self.get(path)
        return json.loads(text) if isinstance(text, str) else text

    def is_a(self, *patterns: str) -> bool:
        """Whether its type is one of these: `aws:ec2/*`."""
        return matches(self.type, patterns)

    def sources(self, path: str) -> Sequence[Resource] | None:
        """What the value at `path` is made from, by its top-level property; None where that isn't told."""
        if self.leans_on is None:
            return None
        top = _STEP.match(path)
        return self.leans_on.get(top.group(1), ()) if top else ()


@dataclass(frozen=True)
class Stack:
    """All resources of a stack, with what every rule may ask about them."""

    resources: Sequence[Resource]

    def of(self, *patterns: str) -> list[Resource]:
        """The resources of these types, in their order."""
        found = self._asked.get(patterns)
        if found is None:
            types = {each for each in self._types if matches(each, patterns)}
            found = self._asked[patterns] = [resource for resource in self.resources if resource.type in types]
        return list(found)

    @cached_property
    def _types(self) -> frozenset[str]:
        return frozenset(resource.type for resource in self.resources)

    @cached_property
    def _asked(self) -> dict[tuple[str, ...], list[Resource]]:
        return {}

    def by_urn(self, urn: str) -> Resource | None:
        return next((resource for resource in self.resources if resource.urn == urn), None)

    def under(self, component: Resource) -> list[Resource]:
        """Everything below a component."""
        below, found = {component.urn}, []
        for resource in self.resources:  # parents come before their children
            if resource.parent in below:
                below.add(resource.urn)
                found.append(resource)
        return found

    def leaning_on(self, target: Resource, prop: str, *patterns: str) -> list[Resource]:
        """The resources of these types whose property is made from the target's outputs, or names its id."""
        return [r for r in self.of(*patterns) if target in (r.sources(prop) or ())]


def normalised(value: Any, path: str = "") -> Any:
    """A value as rules see it: whole floats as ints, null and `__…` left out of objects, each `Unknown` told its path."""
    if isinstance(value, Unknown):
        return Unknown(path or value.path)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        below = ((str(key), each) for key, each in value.items() if each is not None and not str(key).startswith("__"))
        return {key: normalised(each, f"{path}.{key}" if path else key) for key, each in below}
    if isinstance(value, list | tuple):
        return [normalised(each, f"{path}[{n}]") for n, each in enumerate(value)]
    return value
