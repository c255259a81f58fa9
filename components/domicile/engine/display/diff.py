"""`--diff`: what changes in each resource, property by property, old and new. Secrets and unknown values are named, never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO

from ..events import Result, Step
from ..values import UNKNOWN, Secret
from .words import SIGNS

_ABSENT = object()


def print_diff(result: Result, out: TextIO) -> None:
    """Every step that changes something, with the properties that differ."""
    for step in result.steps:
        subject = step.new or step.old
        if subject is not None and step.op != "same" and not subject.is_default_provider:
            print("\n".join(of_step(step)), file=out, flush=True)


def of_step(step: Step) -> Iterator[str]:
    subject = step.new or step.old
    assert subject is not None  # noqa: S101 a step is of a resource
    yield f"{SIGNS.get(step.op, ''):>2} {subject.type}: ({step.op})"
    if subject.id and subject.id != UNKNOWN:
        yield f"      [id={subject.id}]"
    yield f"      [urn={step.urn}]"
    if step.new is not None and step.old is not None:
        for key, old, new in _differing(*_compared(step)):
            yield from _changed(key, old, new, 6, " (replaces)" if key in step.replace_reasons else "")
    else:
        properties = step.new.inputs if step.new else step.old.inputs if step.old else {}
        sign = "+" if step.new else "-"
        for key in sorted(k for k in properties if not k.startswith("__")):
            yield from _whole(sign, key, properties[key], 6)


def _compared(step: Step) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs; where they are alike, as after drift, outputs."""
    assert step.old is not None and step.new is not None  # noqa: S101 both are there to be compared
    if step.old.inputs == step.new.inputs and step.new.outputs:
        return step.old.outputs, step.new.outputs
    return step.old.inputs, step.new.inputs


def _differing(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for key in sorted({*old, *new}):
        a, b = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if a != b and not key.startswith("__"):
            yield key, a, b


def _changed(key: str, old: Any, new: Any, indent: int, note: str = "") -> Iterator[str]:
    if old is _ABSENT:
        yield from _whole("+", key, new, indent, note)
    elif new is _ABSENT:
        yield from _whole("-", key, old, indent, note)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield f"{' ' * indent}~ {key}: {{{note}"
        for inner, a, b in _differing(old, new):
            yield from _changed(inner, a, b, indent + 4)
        yield f"{' ' * indent}  }}"
    elif isinstance(old, list) and isinstance(new, list):
        yield f"{' ' * indent}~ {key}: [{note}"
        for i in range(max(len(old), len(new))):
            a, b = (x[i] if i < len(x) else _ABSENT for x in (old, new))
            if a != b:
                yield from _changed(f"[{i}]", a, b, indent + 4)
        yield f"{' ' * indent}  ]"
    else:
        yield f"{' ' * indent}~ {key}: {_text(old)} => {_text(new)}{note}"


def _whole(sign: str, key: str, value: Any, indent: int, note: str = "") -> Iterator[str]:
    if isinstance(value, dict) and value:
        yield f"{' ' * indent}{sign} {key}: {{{note}"
        for inner in sorted(value):
            yield from _whole(sign, inner, value[inner], indent + 4)
        yield f"{' ' * indent}  }}"
    elif isinstance(value, list) and value:
        yield f"{' ' * indent}{sign} {key}: [{note}"
        for i, item in enumerate(value):
            yield from _whole(sign, f"[{i}]", item, indent + 4)
        yield f"{' ' * indent}  ]"
    else:
        yield f"{' ' * indent}{sign} {key}: {_text(value)}{note}"


def _text(value: Any) -> str:
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, str) and value == UNKNOWN:
        return "output<string>"
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return json.dumps(value, ensure_ascii=False)
