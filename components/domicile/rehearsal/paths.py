"""Property paths of the tables: `cidrBlock`, `routes[*].gatewayId`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..engine.values import UNKNOWN

_PART = re.compile(r"[^.\[\]]+|\[\*\]")


def values(of: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every known value at `path`, with the concrete path of each; nothing for what is absent or not known yet."""
    yield from _walk(of, _PART.findall(path), "")


def first(of: Any, path: str) -> Any:
    """The first known value at `path`, or None."""
    return next((v for _, v in values(of, path)), None)


def given(of: Any, path: str) -> bool:
    """Whether there is something at `path`, known or not. An empty list or text counts as nothing, as it does to Terraform's providers."""
    return any(v not in (None, "", [], {}) for _, v in _walk(of, _PART.findall(path), "", unknown=True))


def _walk(v: Any, parts: list[str], at: str, unknown: bool = False) -> Iterator[tuple[str, Any]]:
    if v is None or (isinstance(v, str) and v == UNKNOWN and not unknown):
        return
    if not parts:
        yield at, v
    elif parts[0] == "[*]":
        for i, x in enumerate(v if isinstance(v, list) else ()):
            yield from _walk(x, parts[1:], f"{at}[{i}]", unknown)
    elif isinstance(v, dict):
        yield from _walk(v.get(parts[0]), parts[1:], f"{at}.{parts[0]}" if at else parts[0], unknown)
    elif unknown and v == UNKNOWN:
        yield at, v
