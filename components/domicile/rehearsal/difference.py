"""What differs between a thing's old and new inputs, property by property, as a bridged provider's Diff tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from ..engine.values import UNKNOWN, Properties
from .kinds import Kind
from .rules import Json, Policy
from .shapes import Prop, Shape


@dataclass
class Difference:
    """`detail` maps a path to ADD, DELETE or UPDATE, with _REPLACE if it forces a new thing."""

    detail: dict[str, str] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    replaces: list[str] = field(default_factory=list)


def difference(shape: Shape, kind: Kind, state: Properties, old: Properties, new: Properties, ignored: set[str]) -> Difference:
    """`state` is what the thing was when last looked at: what the program doesn't give, but somebody has set, differs too."""
    out = Difference()
    documents = {*kind.json, *(r.path for r in kind.rules if isinstance(r, Json | Policy))}
    for key in sorted({*old, *new} - ignored - {"__defaults"}):
        if not same(old.get(key), new.get(key), key in documents):
            _note(out, shape, kind, key, old.get(key), new.get(key))
    for key in shape.inputs.keys() - old.keys() - new.keys() - ignored:
        prop = shape.outputs.get(key)
        set_by_hand = prop and prop.optional and key not in kind.outputs and state.get(key) not in (None, "", [], {}, False)
        if set_by_hand and prop and not same(state[key], default(prop)):
            _note(out, shape, kind, key, state[key], None)
    return out


def _note(out: Difference, shape: Shape, kind: Kind, key: str, old: Any, new: Any) -> None:
    forced = replaces(shape, kind, key)
    out.keys.append(key)
    if forced:
        out.replaces.append(key)
    for path, what in _leaves(key, old, new):
        out.detail[path] = what + ("_REPLACE" if forced else "")


def replaces(shape: Shape, kind: Kind, key: str) -> bool:
    """Whether a change of this property makes a new thing: by the table, else by the SDK's prose."""
    if key in kind.keeps:
        return False
    return key in ("region", *kind.replaces) or (key in shape.inputs and shape.inputs[key].replaces)


def _leaves(path: str, old: Any, new: Any) -> list[tuple[str, str]]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [k for k in sorted({*old, *new}) if not same(old.get(k), new.get(k))]
        return [leaf for k in keys for leaf in _leaves(f"{path}.{k}", old.get(k), new.get(k))]
    if isinstance(old, list) and isinstance(new, list):
        longer = range(max(len(old), len(new)))
        pairs = [(i, old[i] if i < len(old) else None, new[i] if i < len(new) else None) for i in longer]
        return [leaf for i, a, b in pairs if not same(a, b) for leaf in _leaves(f"{path}[{i}]", a, b)]
    return [(path, "ADD" if old is None else "DELETE" if new is None else "UPDATE")]


def same(a: Any, b: Any, document: bool = False) -> bool:
    """Equal as a provider sees it: "40" is 40, nothing is an empty list, and JSON is its meaning."""
    if a == b or (a in (None, [], {}) and b in (None, [], {})):
        return True
    if isinstance(a, dict) and isinstance(b, dict):
        return all(same(a.get(k), b.get(k)) for k in {*a, *b})
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if document and isinstance(a, str) and isinstance(b, str) and UNKNOWN not in (a, b):
        try:
            return bool(json.loads(a) == json.loads(b))
        except ValueError:
            return False
    if isinstance(a, dict | list) or isinstance(b, dict | list) or a is None or b is None:
        return False
    return text(a) == text(b)


def text(v: Any) -> str:
    return str(v).lower() if isinstance(v, bool) else str(v)


def default(prop: Prop) -> Any:
    """What a property is where nobody gave it, as far as the SDK's prose says, in the property's own type."""
    if prop.default is None:
        return None
    match prop.type.kind:
        case "bool":
            return prop.default.lower() == "true" if prop.default.lower() in ("true", "false") else None
        case "int" | "float":
            return int(prop.default) if prop.default.lstrip("-").isdigit() else None
        case "str":
            return prop.default if prop.default and prop.default not in ("null", "None") else None
    return None
