"""A proof for people: text, and a picture in Mermaid's language. Called by `domicile egress prove`; works on the proof's JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from domicile_policies.reach.proof import KINDS

Json = Mapping[str, Any]


def text(proof: Json, stack: str) -> Iterator[str]:
    """Line by line: the verdict, what is wrong, what is allowed, what was assumed."""
    findings = proof["findings"]
    ways = [way for way in proof["allowed"] if not way["to"].startswith("DNS: ")]
    first = {way["to"]: way for way in reversed(ways)}
    names = len(proof["allowed"]) - len(ways)
    if findings:
        yield f"{stack}: NOT proven. {len(findings)} finding{'s' if len(findings) > 1 else ''}:"
    else:
        yield f"{stack}: proven. Sandboxes reach what is declared, and nothing else."
    for n, each in enumerate(findings, 1):
        yield f"\n{n}. {each['because']} [{each['kind']}: {KINDS[each['kind']]}]"
        yield f"   mend: {each['resource']} ({each['type']})" + (f" at {each['path']}" if each["path"] else "")
        yield from (f"   {line}" for line in _hops(each))
    yield f"\nAllowed ({len(first)} destinations, and {names} names that hosts may look up):"
    for to, way in sorted(first.items()):
        others = sum(each["to"] == to for each in ways) - 1
        more = f"; {others} more way{'s' if others > 1 else ''}" if others else ""
        yield f"- {to}" + (f" ({way['note']}{more})" if way.get("note") or more else "").replace("(; ", "(")
        yield from (f"   {line}" for line in _hops(way)[:-1])
    yield "\nAssumed:"
    yield from (f"- {each['that']}\n   guarded by: {each['guard']}" for each in proof["assumptions"])


def _hops(way: Json) -> list[str]:
    lines = [f"{'  ' * min(n, 8)}→ {hop['at']}" + (f": {hop['by']}" if hop["by"] else "") for n, hop in enumerate(way["hops"])]
    return [*lines, f"{'  ' * min(len(lines), 8)}→ {way['to']}"]


def mermaid(proof: Json) -> Iterator[str]:
    """Every way as a graph; what mustn't be is dashed and red."""
    numbers: dict[str, int] = {}
    yield "flowchart LR"
    links: dict[str, None] = {}
    for kind in ("allowed", "findings"):
        arrow = "-->" if kind == "allowed" else "-.->"
        for way in proof[kind]:
            if way["to"].startswith("DNS: ") and kind == "allowed":
                continue
            stations = [*(hop["at"] for hop in way["hops"]), way["to"]]
            for label in stations:
                if label not in numbers:
                    numbers[label] = len(numbers)
                    yield f'  n{numbers[label]}["{_plain(label)}"]'
            for before, after in pairwise(stations):
                links.setdefault(f"  n{numbers[before]} {arrow} n{numbers[after]}")
    yield from links
    wrong = {f"n{numbers[way['to']]}" for way in proof["findings"]}
    yield from (f"  style {node} stroke:#c00,stroke-width:3px" for node in sorted(wrong))


def _plain(label: str) -> str:
    return label.replace('"', "'").replace("\n", " ")
