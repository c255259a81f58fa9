"""All rules as a document: `make docs` writes docs/POLICIES.md with it. Held to the rules by a test."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

from domicile_policies.controls import CONTROLS
from domicile_policies.pack import rules
from domicile_policies.rule import Rule

_CONCERNS: Mapping[str, str] = {
    "NET": "Network", "EGR": "Egress", "KEY": "Keys and secrets", "IMG": "Images", "WRK": "Workloads", "RES": "Residency", "AUD": "Audit",
    "TUN": "Tunnels", "ACC": "Access",
}  # fmt: skip
_PLATFORMS: Sequence[tuple[range, str]] = (
    (range(1, 50), "AWS"), (range(50, 80), "Kubernetes"), (range(80, 90), "Cloudflare"), (range(90, 100), "Domicile's own resources"),
    (range(100, 1000), "the whole stack"),
)  # fmt: skip


def text() -> str:
    """The whole document."""
    found = rules()
    parts = [_head(found.values())]
    for concern, title in _CONCERNS.items():
        listed = [rule for rule in found.values() if rule.id.split("-")[1] == concern]
        parts += [f"## {title}\n", *map(_rule, listed)] if listed else []
    return "\n".join([*parts, _controls(found.values())])


def _head(listed: Iterable[Rule]) -> str:
    counted = list(listed)
    mandatory = sum(rule.level == "mandatory" for rule in counted)
    return (
        "# The policy pack's rules\n\n"
        f"{len(counted)} rules, {mandatory} of them mandatory: all that `domicile check` and Pulumi's `--policy-pack policies` judge by.\n"
        "Written from the rules themselves by `make docs`. How levels, parameters and exceptions are set: [README](../README.md).\n\n"
        f"The first numbers of a concern are for {', '.join(f'{name} ({span.start:03d})' for span, name in _PLATFORMS)}.\n"
    )


def _rule(rule: Rule) -> str:
    number = int(rule.id.rpartition("-")[2])
    platform = next(name for span, name in _PLATFORMS if number in span)
    whole = "" if rule.check else ", judged on the whole stack"
    lines = [
        f"### {rule.id}: {rule.title}\n",
        f"{rule.severity.capitalize()}, {rule.level}; {platform}{whole}.\n",
        f"- Why: {_prose(rule.why)}",
        f"- Fix: {_prose(rule.fix)}",
        f"- Controls: {', '.join(rule.controls)}",
    ]
    return "\n".join([*lines, *(_parameter(name, each) for name, each in rule.parameters.items()), ""])


def _parameter(name: str, schema: Mapping[str, object]) -> str:
    kind, said = schema.get("type", "any"), schema.get("description", "")
    default = json.dumps(schema.get("default"), ensure_ascii=False)
    return f"- Parameter {name} ({kind}): {f'{said}; ' if said else ''}by default {_prose(default)}"


def _prose(said: str) -> str:
    """As it stands, with what Markdown would take for emphasis or a tag made harmless."""
    return said.replace("*", "\\*").replace("<", "&lt;").replace("_", "\\_").replace("`", "")


def _controls(listed: Iterable[Rule]) -> str:
    answering: dict[str, list[str]] = {name: [] for name in CONTROLS}
    for rule in listed:
        for control in rule.controls:
            answering[control].append(rule.id)
    rows = [f"| {name} | {CONTROLS[name].title} | {', '.join(found)} |" for name, found in answering.items()]
    sources = sorted({control.source.rpartition(",")[0] for control in CONTROLS.values()})
    told = "Titles are this project's own words. A rule speaks for the part of a control that a stack's resources show, and for no more.\n"
    return "\n".join(
        ["## Controls\n", told, *(f"- {each}" for each in sources), "", "| control | asks | rules |", "|---|---|---|", *rows, ""]
    )


if __name__ == "__main__":
    sys.stdout.write(text())
