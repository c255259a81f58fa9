"""Puts into words what an operation did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domicile.cli.engine import Applied

_WORDS = {"create": "created", "update": "updated", "replace": "replaced", "delete": "removed", "same": "unchanged", "read": "read"}
_PLANS = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "delete": "to remove",
    "same": "unchanged",
    "read": "to read",
}


def changes_text(applied: Applied, planned: bool = False) -> str:
    """As in `3 created, 40 unchanged`; `unchanged` alone when nothing was done."""
    if applied.unchanged:
        return "unchanged"
    words = _PLANS if planned else _WORDS
    return ", ".join(f"{count} {words.get(op, op)}" for op, count in applied.changes.items() if count)


def outputs_lines(outputs: Mapping[str, Any]) -> list[str]:
    """The stack's outputs, one a line, a mapping's entries below it."""
    lines = []
    for name, value in outputs.items():
        if isinstance(value, Mapping):
            lines.append(f"  {name}:")
            lines += [f"    {key}: {below}" for key, below in value.items()]
        else:
            lines.append(f"  {name}: {value}")
    return lines
