"""Which controls a stack was held to, by which rules, and with what result. Called by the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from domicile_policies.controls import CONTROLS
from domicile_policies.findings import Findings

Result = Literal["held", "excepted", "advised", "broken", "unjudged"]


@dataclass(frozen=True)
class Covered:
    """A control with the rules in force that answer to it.

    `held`: no finding; `advised`: findings of advisory rules only; `excepted`: held but for exceptions in force; `broken`: a violation;
    `unjudged`: no rule in force answers to it, or the stack wasn't judged to the end and nothing was found yet.
    """

    control: str
    rules: tuple[str, ...]
    result: Result


def coverage(findings: Findings) -> Iterator[Covered]:
    """Every control, in the order of the frameworks."""
    failing = {each.rule for each in findings.failing}
    advised = {each.rule for each in findings.findings} - failing
    spared = {each.rule for each in findings.exceptions if each.state == "applied"}
    for control in CONTROLS:
        rules = tuple(name for name, facts in findings.rules.items() if control in facts.controls and facts.level != "disabled")
        yield Covered(control, rules, _result(set(rules), failing, spared, advised, findings.complete))


def _result(rules: set[str], failing: set[str], spared: set[str], advised: set[str], complete: bool) -> Result:
    if rules & failing:
        return "broken"
    if not rules or not complete:
        return "unjudged"
    if rules & spared:
        return "excepted"
    return "advised" if rules & advised else "held"
