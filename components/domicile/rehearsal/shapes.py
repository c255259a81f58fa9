"""What a Pulumi package says of its types: shapes, their properties and what these may be; and the same as JSON has it, for `parsed`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Type:
    """`of` is the element's type (list, map), the class (object, enum: `folder#Class`) or the alternatives (union)."""

    kind: Literal["str", "int", "float", "bool", "any", "asset", "list", "map", "object", "enum", "union"]
    of: Type | str | tuple[Type, ...] | None = None


ANY = Type("any")


@dataclass(frozen=True)
class Prop:
    """A property. `optional` says of an output that it may be absent, which a generated SDK says of what a provider doesn't compute."""

    type: Type
    required: bool = False
    optional: bool = False
    replaces: bool = False
    default: str | None = None  # as the documentation has it: a text


@dataclass(frozen=True)
class Shape:
    """A resource or function: what goes in and what comes out, by wire name."""

    token: str
    inputs: dict[str, Prop]
    outputs: dict[str, Prop]
    secrets: frozenset[str] = field(default_factory=frozenset)
    aliases: tuple[str, ...] = ()


def shape_json(shape: Shape) -> Any:
    return [shape.token, props_json(shape.inputs), props_json(shape.outputs), sorted(shape.secrets), shape.aliases]


def shape_of(said: Any) -> Shape:
    token, inputs, outputs, secrets, aliases = said
    return Shape(token, props_of(inputs), props_of(outputs), frozenset(secrets), tuple(aliases))


def props_json(props: dict[str, Prop]) -> Any:
    return {name: [_type_json(p.type), p.required, p.optional, p.replaces, p.default] for name, p in props.items()}


def props_of(said: Any) -> dict[str, Prop]:
    return {name: Prop(_type_of(type_), *rest) for name, (type_, *rest) in said.items()}


def _type_json(t: Type) -> Any:
    if isinstance(t.of, tuple):
        return [t.kind, [_type_json(each) for each in t.of]]
    return [t.kind, _type_json(t.of) if isinstance(t.of, Type) else t.of]


def _type_of(said: Any) -> Type:
    kind, of = said
    if kind == "union":
        return Type(kind, tuple(_type_of(each) for each in of))
    return Type(kind, _type_of(of) if isinstance(of, list) else of)
