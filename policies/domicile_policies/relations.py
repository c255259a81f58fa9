"""How resources of a stack stand to each other, whether the values that say so are known or not. Called by the rules of whole stacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from domicile_policies.resource import NotKnown, Resource, Stack, Unknown
from domicile_policies.rule import Violation

IDENTITIES = ("id", "arn", "bucket", "name", "url")
"""Properties by which others name a resource: inputs in a preview, outputs too in live state."""


def yes(value: Any) -> bool:
    """Whether a switch is on; some properties of launch templates are switches written as text."""
    return value is True or value == "true"


def points_at(resource: Resource, prop: str, target: Resource) -> bool:
    """Whether a property is made from the target's outputs, or names it."""
    if target in (resource.sources(prop) or ()):
        return True
    value = resource.inputs.get(prop)
    named = {target.inputs[key] for key in IDENTITIES if isinstance(target.inputs.get(key), str)}
    each = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and one in named for one in each)


def pointing_at(stack: Stack, target: Resource, prop: str, *types: str) -> list[Resource]:
    """The resources of these types whose property is made from the target, or names it."""
    return [resource for resource in stack.of(*types) if points_at(resource, prop, target)]


def targets(stack: Stack, resource: Resource, prop: str, *types: str) -> list[Resource]:
    """The resources of these types that a property is made from, or names."""
    return [target for target in stack.of(*types) if points_at(resource, prop, target)]


def below_type(stack: Stack, resource: Resource, *types: str) -> bool:
    """Whether any of its parents is of these types."""
    parent = stack.by_urn(resource.parent) if resource.parent else None
    while parent is not None:
        if parent.is_a(*types):
            return True
        parent = stack.by_urn(parent.parent) if parent.parent else None
    return False


def texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every known text in a value, with its path."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from texts(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for n, each in enumerate(value):
            yield from texts(each, f"{path}[{n}]")


def unknowns(value: Any) -> Iterator[str]:
    """The path of every value in a value that isn't known."""
    if isinstance(value, Unknown):
        yield value.path
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from unknowns(each)
    elif isinstance(value, list):
        for each in value:
            yield from unknowns(each)


def each_of(resource: Resource, said: Iterator[Violation]) -> Iterator[Violation]:
    """What a rule of the whole stack says of one resource; what isn't known fails that one, and doesn't end the rule."""
    try:
        yield from said
    except NotKnown as error:
        yield Violation(error.path, "isn't known before it is made, so that this can't be decided; make it known", resource)
