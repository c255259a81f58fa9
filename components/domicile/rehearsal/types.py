"""Whether inputs have the types that the package says: every fault with its property's path, as the engine prints it."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, NamedTuple

from ..engine.values import ASSETS, SIGNATURE, UNKNOWN
from .schema import Schema
from .shapes import Prop, Type


class Fault(NamedTuple):
    """Something wrong with an input: where, and what, with what to do about it."""

    path: str
    reason: str


def faults(schema: Schema, props: dict[str, Prop], values: dict[str, Any], at: str = "") -> Iterator[Fault]:
    """What is missing, unknown or ill-typed in `values`, which hold no secrets (`plain`). Unknowns pass."""
    for key, prop in props.items():
        if prop.required and values.get(key) is None:
            yield Fault(join(at, key), "missing required property")
    for key, value in values.items():
        if key == "__defaults":
            continue
        if key not in props:
            yield Fault(join(at, key), "unknown property" + suggestion(key, props))
        elif value is not None:
            yield from _value(schema, props[key].type, value, join(at, key))


def _value(schema: Schema, t: Type, v: Any, at: str) -> Iterator[Fault]:
    if v is None or t.kind == "any" or (isinstance(v, str) and v == UNKNOWN):
        return
    match t.kind:
        case "str" | "int" | "float" | "bool":
            if not _primitive(t.kind, v):
                yield Fault(at, f"expected {t.kind}, got {_said(v)}")
        case "asset":
            if not (isinstance(v, dict) and v.get(SIGNATURE) in ASSETS):
                yield Fault(at, f"expected an asset or archive, got {_said(v)}")
        case "enum":
            values = schema.enum(str(t.of))
            if v not in values:
                yield Fault(at, f"{v!r} is not one of {', '.join(map(repr, sorted(values, key=str)))}" + suggestion(v, values))
        case "union":
            tries = [list(_value(schema, k, v, at)) for k in (t.of if isinstance(t.of, tuple) else ())]
            if all(tries):
                yield from min(tries, key=len)
        case "list":
            yield from _items(schema, t.of, v, at)
        case "map":
            yield from _entries(schema, t.of, v, at)
        case "object":
            if isinstance(v, dict):
                yield from faults(schema, schema.object(str(t.of)), v, at)
            else:
                yield Fault(at, f"expected an object, got {_said(v)}")


def _items(schema: Schema, of: Any, v: Any, at: str) -> Iterator[Fault]:
    if not isinstance(v, list):
        yield Fault(at, f"expected a list, got {_said(v)}")
        return
    for i, x in enumerate(v):
        yield from _value(schema, of, x, f"{at}[{i}]")


def _entries(schema: Schema, of: Any, v: Any, at: str) -> Iterator[Fault]:
    if not isinstance(v, dict):
        yield Fault(at, f"expected a map, got {_said(v)}")
        return
    for key, x in v.items():
        yield from _value(schema, of, x, f'{at}["{key}"]')


def _primitive(kind: str, v: Any) -> bool:
    if kind == "str":
        return isinstance(v, str | int | float)
    if kind == "bool":
        return isinstance(v, bool) or v in ("true", "false")
    if isinstance(v, bool):
        return False
    try:
        number = float(v)
    except (TypeError, ValueError):
        return False
    return number.is_integer() if kind == "int" else number == number


def _said(v: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    return f"{names.get(type(v), type(v).__name__)}: {v!r}" if not isinstance(v, dict | list) else names[type(v)]


def suggestion(key: Any, known: Any) -> str:
    """ "; did you mean 'x'?" if something known is near, else what there is if that is little."""
    lower = {str(k).lower(): str(k) for k in known}
    near = get_close_matches(str(key).lower().replace("_", ""), lower, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {lower[near[0]]!r}?"
    return f"; there are {', '.join(sorted(lower.values()))}" if 0 < len(lower) <= 12 else ""


def join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
