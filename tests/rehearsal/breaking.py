"""Breaks a rule: from accepted inputs, inputs that just this rule forbids. One way for each form of rule."""

from __future__ import annotations

import base64
import math
import re
from copy import deepcopy
from typing import Any

from domicile.rehearsal import rules
from domicile.rehearsal.paths import first

FORBIDDEN = {  # texts that a `Never` matches, by its pattern
    r"^sg-": "sg-x", "^internal-": "internal-x", ":": "a:b", r"^alias/aws/": "alias/aws/s3", r"^com\.amazonaws": "com.amazonaws.x",
    r"(?i)^/?(aws|ssm)": "/aws/x", r"^[^/].*/": "a/b",
}  # fmt: skip


def broken(rule: rules.Rule, example: dict[str, Any]) -> dict[str, Any]:
    """The example, changed so that the rule refuses it."""
    out = deepcopy(example)
    match rule:
        case rules.Length():
            put(out, rule.path, "x" * (rule.most + 1))
        case rules.Pattern():
            put(out, rule.path, next(t for t in ("no such thing\x00", "", "a:b*") if not re.fullmatch(rule.regex, t, re.DOTALL)))
        case rules.Never():
            put(out, rule.path, _matching(rule.regex))
        case rules.Range():
            put(out, rule.path, rule.most + 1 if math.isfinite(rule.most) else rule.least - 1)
        case rules.OneOf():
            put(out, rule.path, "no such value" if isinstance(rule.allowed[0], str) else 987654)
        case rules.Items():
            put(out, rule.path, [{}] * (rule.most + 1))
        case rules.AtMostOne():
            for path in rule.paths:
                put(out, path, "something")
        case rules.AtLeastOne():
            for path in rule.paths:
                put(out, path, None)
        case rules.Needs():
            put(out, rule.path, _condition(rule.when, first(out, rule.path)))
            put(out, rule.needed, None)
        case rules.Excludes():
            put(out, rule.path, _condition(rule.when, first(out, rule.path)))
            put(out, rule.excluded, "something")
        case rules.NotAbove():
            put(out, rule.high, 1)
            put(out, rule.low, 2)
        case rules.Network():
            put(out, rule.path, "10.0.0.1/33" if rule.cleared else "10.0.0.1/16")
        case rules.Where():
            out = broken(rule.rule, out)
            put(out, rule.condition, rule.when[0])
        case rules.Size():
            text = "x" * (rule.most + 1)
            put(out, rule.path, base64.b64encode(text.encode()).decode() if rule.encoded else text)
        case rules.Json() | rules.Policy():
            put(out, rule.path, "{")
        case _:
            raise AssertionError(f"how is {type(rule).__name__} broken?")
    return out


def _condition(when: tuple[Any, ...], now: Any) -> Any:
    return when[0] if when else now if now is not None else "something"


def _matching(pattern: str) -> str:
    for text in (FORBIDDEN.get(pattern, ""), "python2.7", "a..b", "500"):
        if re.search(pattern, text):
            return text
    raise AssertionError(f"no text for {pattern}")


def put(of: Any, path: str, value: Any) -> None:
    """Set what is at a path, making what is on the way; `[*]` is the first entry."""
    parts = re.findall(r"[^.\[\]]+|\[\*\]", path)
    for part, following in zip(parts, [*parts[1:], None], strict=True):
        fresh: Any = value if following is None else [] if following == "[*]" else {}
        if part == "[*]":
            if not of:
                of.append(fresh)
            elif following is None:
                of[0] = fresh
            of = of[0]
        else:
            if following is None or not isinstance(of.get(part), dict | list):
                of[part] = fresh
            of = of[part]
