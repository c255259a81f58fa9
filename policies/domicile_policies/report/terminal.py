"""What `domicile check` prints: the violations with their fixes, the exceptions, and what was looked at."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.text import Text

from domicile_policies.findings import Excepted, Finding, Findings

_ORDER = ("critical", "high", "medium", "low")
_STYLES = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan"}
_SAID = {"applied": "spares", "idle": "is not needed now:", "expired": "HAS EXPIRED:", "unmatched": "MATCHES NOTHING:"}


def text(findings: Findings, console: Console) -> None:
    """Print the report, worst first."""
    for finding in sorted(findings.findings, key=lambda each: _rank(findings, each)):
        _finding(findings, finding, console)
    for excepted in findings.exceptions:
        console.print(_exception(excepted))
    if not findings.complete:
        console.print("the preview ended early: rules of the whole stack, and what leans on them, were not judged", style="yellow")
    console.print(summary(findings), style="bold green" if findings.complete and not findings.failing else "bold red")


def _rank(findings: Findings, finding: Finding) -> tuple[bool, int, str, str]:
    return (not finding.fails, _ORDER.index(findings.rules[finding.rule].severity), finding.rule, finding.urn)


def _finding(findings: Findings, finding: Finding, console: Console) -> None:
    rule = findings.rules[finding.rule]
    head = Text(f"{finding.rule}  ", style="bold").append(f"{rule.severity}, {finding.level}", style=_STYLES[rule.severity])
    console.print(head.append(f"  {rule.title}", style="default not bold"))
    kind = finding.type.rpartition(":")[2] or "stack"
    console.print(Text(f"  {kind} {finding.name}: ").append(f"{finding.path} {finding.message}".strip()))
    console.print(Text(f"  {finding.urn}", style="dim"), soft_wrap=True)
    console.print(Text(f"  fix: {rule.fix}"))


def _exception(excepted: Excepted) -> Text:
    said = Text(f"exception {excepted.rule} {_SAID[excepted.state]} {excepted.resource}")
    return said.append(f" until {excepted.expires} ({excepted.owner}: {excepted.reason})", style="dim")


def summary(findings: Findings) -> str:
    """As in `stack tokyo: 2 violations (1 critical, 1 high) and 1 advice; 71 rules on 165 resources, 1 exception applied`."""
    counts = Counter(findings.rules[each.rule].severity for each in findings.failing)
    told = ", ".join(f"{counts[severity]} {severity}" for severity in _ORDER if counts[severity])
    advice = len(findings.findings) - len(findings.failing)
    nothing = "no violation" if findings.complete else "not judged to the end"
    found = f"{count(len(findings.failing), 'violation')} ({told})" if told else nothing
    found += f" and {count(advice, 'advisory finding')}" if advice else ""
    judging = sum(rule.level != "disabled" for rule in findings.rules.values())
    applied = sum(each.state == "applied" for each in findings.exceptions)
    spared = f", {count(applied, 'exception')} applied" if applied else ""
    return f"stack {findings.stack}: {found}; {count(judging, 'rule')} on {count(len(findings.resources), 'resource')}{spared}"


def count(number: int, noun: str) -> str:
    """As in `1 rule`, `2 rules`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
