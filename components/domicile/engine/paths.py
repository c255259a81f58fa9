"""Property paths such as `body.list[0]["odd key"]`: for `ignore_changes` and for `config set --path`."""

from __future__ import annotations

import json
import re
from typing import Any

from .errors import EngineError
from .values import Secret

Path = list[str | int]
_PART = re.compile(r"""\.?([^.\[\]"]+) | \[(\d+)\] | \[("(?:[^"\\]|\\.)*")\] | \[(\*)\]""", re.X)


class PathError(EngineError):
    """A property path can't be read, or doesn't fit the value."""


def parse(text: str) -> Path:
    out: Path = []
    at = 0
    while at < len(text):
        m = _PART.match(text, at)
        if not m:
            raise PathError(f'property path {text!r}: can\'t read from {text[at:]!r}; write it like a.b[0]["c d"]')
        name, index, quoted, star = m.groups()
        out.append(int(index) if index else json.loads(quoted) if quoted else star or name)
        at = m.end()
    if not out:
        raise PathError("property path is empty; name a property")
    return out


def keep_old(new: Any, old: Any, path: Path) -> Any:
    """`new` with what lies at `path` as it is in `old` (absent if it is absent there)."""
    if not path:
        return old
    if isinstance(new, Secret):
        kept = keep_old(new.value, old, path)
        return Secret(kept)
    old = old.value if isinstance(old, Secret) else old
    part, rest = path[0], path[1:]
    if part == "*":
        return _keep_all(new, old, rest)
    if isinstance(new, dict) and isinstance(part, str) and isinstance(old, dict):
        return _keep_key(new, old, part, rest)
    if isinstance(new, list) and isinstance(part, int) and isinstance(old, list) and part < min(len(new), len(old)):
        return [keep_old(x, old[i], rest) if i == part else x for i, x in enumerate(new)]
    return new


def _keep_key(new: dict[str, Any], old: dict[str, Any], key: str, rest: Path) -> dict[str, Any]:
    if key not in old:
        return {k: v for k, v in new.items() if k != key} if not rest else new
    if rest and key not in new:
        return new
    return {**new, key: keep_old(new.get(key), old[key], rest)}


def _keep_all(new: Any, old: Any, rest: Path) -> Any:
    if isinstance(new, dict) and isinstance(old, dict):
        return dict(old) if not rest else {k: keep_old(v, old[k], rest) if k in old else v for k, v in new.items()}
    if isinstance(new, list) and isinstance(old, list):
        return list(old) if not rest else [keep_old(v, old[i], rest) if i < len(old) else v for i, v in enumerate(new)]
    return new


def put(value: Any, path: Path, item: Any) -> Any:
    """`value` with `item` at `path`, made on the way where there is nothing."""
    if not path:
        return item
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        items: list[Any] = list(value) if isinstance(value, list) else []
        if part > len(items):
            raise PathError(f"index {part} is beyond the list's end ({len(items)}); set the ones before it first")
        return [*items[:part], put(items[part] if part < len(items) else None, rest, item), *items[part + 1 :]]
    return {**(value if isinstance(value, dict) else {}), part: put(value.get(part) if isinstance(value, dict) else None, rest, item)}


def take(value: Any, path: Path) -> Any:
    """What lies at `path`; KeyError if there is nothing."""
    for part in path:
        there = isinstance(part, int) and part < len(value) if isinstance(value, list) else isinstance(value, dict) and part in value
        if not there:
            raise KeyError(part)
        value = value[part]
    return value


def without(value: Any, path: Path) -> Any:
    """`value` with nothing at `path`; KeyError if there was nothing."""
    inner = take(value, path[:1])
    kept = [] if len(path) == 1 else [without(inner, path[1:])]
    if isinstance(value, list):
        at = int(path[0])
        return [*value[:at], *kept, *value[at + 1 :]]
    return {k: kept[0] if k == path[0] else x for k, x in value.items() if kept or k != path[0]}
