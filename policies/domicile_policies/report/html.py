"""Findings as one page that a person reads, with nothing fetched from anywhere. Called by `domicile check --html`.

What is wrong comes first, with why and how to mend it; then exceptions, where data lies, and which controls are held by which rules.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import TypeVar

from domicile.residency import Entry, place_of_region
from domicile_policies.controls import CONTROLS
from domicile_policies.findings import Finding, Findings
from domicile_policies.report.coverage import Covered, coverage
from domicile_policies.report.terminal import count, summary

T = TypeVar("T")
_ORDER = ("critical", "high", "medium", "low")
_STATES: Mapping[str, str] = {
    "applied": "spares what is listed", "idle": "not needed: the resource keeps the rule", "expired": "has expired, and fails",
    "unmatched": "matches no resource, and fails",
}  # fmt: skip


def text(findings: Findings, residency: Sequence[Entry] = ()) -> str:
    """The whole page. `residency` are the stack's region-bearing properties, where its configuration is at hand."""
    style = files("domicile_policies.report").joinpath("page.css").read_text("utf-8")
    body = "\n".join(
        (_head(findings), _violations(findings), _exceptions(findings), _map(findings, residency), _controls(findings), _foot(findings))
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(findings.stack)}: policy report</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _head(findings: Findings) -> str:
    verdict = "fails" if findings.failing else "passes" if findings.complete else "not judged to the end"
    kind = "bad" if findings.failing else "good" if findings.complete else "open"
    early = "" if findings.complete else "<p>The preview ended early: rules of the whole stack were not asked.</p>"
    return (
        f'<header><p class="verdict {kind}">{verdict}</p><h1>{escape(findings.stack)}</h1>'
        f"<p>{escape(summary(findings))}. Judged: {escape(findings.mode)}.</p>{early}</header>"
    )


def _violations(findings: Findings) -> str:
    if not findings.findings:
        return _section("Violations", "<p>None.</p>")
    by_rule: dict[str, list[Finding]] = {}
    for finding in findings.findings:
        by_rule.setdefault(finding.rule, []).append(finding)

    def rank(name: str) -> tuple[bool, int, str]:
        return (not any(each.fails for each in by_rule[name]), _ORDER.index(findings.rules[name].severity), name)

    return _section("Violations", "".join(_rule(findings, name, by_rule[name]) for name in sorted(by_rule, key=rank)))


def _rule(findings: Findings, name: str, found: Iterable[Finding]) -> str:
    facts = findings.rules[name]
    rows = [(_resource(each.name, each.type, each.urn), _path(each.path), escape(each.message) + _undecided(each)) for each in found]
    controls = ", ".join(escape(each) for each in facts.controls)
    return (
        f'<article class="{facts.severity}"><h3><code>{name}</code> {escape(facts.title)}</h3>'
        f'<p class="tags"><b>{facts.severity}</b>, {facts.level}; {controls}</p>'
        f"<p>{escape(facts.why)}</p><p><b>Fix:</b> {escape(facts.fix)}</p>"
        f"{_table(('resource', 'property', 'what is wrong'), rows)}</article>"
    )


def _undecided(finding: Finding) -> str:
    return ' <span class="note">undecided</span>' if finding.undecided else ""


def _exceptions(findings: Findings) -> str:
    rows = [
        (
            f"<code>{each.rule}</code>", escape(each.resource), escape(each.reason), escape(each.owner), escape(each.expires),
            escape(_STATES[each.state]) + "".join(f"<br>{_path(f.path)} {escape(f.message)}" for f in each.findings),
        )
        for each in findings.exceptions
    ]  # fmt: skip
    head = ("rule", "resource", "reason", "owner", "until", "what became of it")
    return _section("Exceptions", _table(head, rows) if rows else "<p>None.</p>")


def _map(findings: Findings, residency: Sequence[Entry]) -> str:
    parts = []
    for where, listed in _grouped((entry.lies_in, entry) for entry in residency):
        rows = [(_path(each.path), escape(each.kind), escape(each.value), _inside(each), escape(each.basis)) for each in listed]
        parts.append(f"<h3>{escape(where)}: {count(len(rows), 'line')} of the configuration</h3>")
        parts.append(_table(("property", "kind", "value", "inside", "how it is known"), rows))
    regions = ((each.region, each) for each in findings.resources if each.region)
    for region, resources in _grouped(regions):
        place = place_of_region(region)
        kinds = _grouped((each.type, each) for each in resources)
        which = [(f"<code>{escape(kind)}</code>", ", ".join(escape(each.name) for each in found)) for kind, found in kinds]
        said = f"{escape(place.where)}: {count(len(resources), 'resource')} in {escape(region)}"
        parts.append(f"<h3>{said}</h3><p>{escape(place.basis)}</p>")
        parts.append(f"<details><summary>which</summary>{_table(('type', 'resources'), which)}</details>")
    return _section("Where data lies", "".join(parts) or "<p>No resource of this stack bears a region.</p>")


def _inside(entry: Entry) -> str:
    return "yes" if entry.inside else f"no: {escape(entry.waiver.reason)}" if entry.waiver else "no"


def _grouped(pairs: Iterable[tuple[str, T]]) -> list[tuple[str, list[T]]]:
    found: dict[str, list[T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return sorted(found.items())


def _controls(findings: Findings) -> str:
    parts = []
    for framework, held in _grouped((CONTROLS[each.control].framework, each) for each in coverage(findings)):
        rows = [_control(each) for each in held]
        judged = sum(bool(each.rules) for each in held)
        parts.append(f"<h3>{escape(framework)}: {judged} of {len(held)} controls judged</h3>")
        parts.append(_table(("control", "what it asks", "rules", "result"), rows))
    return _section("Controls", "".join(parts))


def _control(covered: Covered) -> tuple[str, str, str, str]:
    control = CONTROLS[covered.control]
    rules = " ".join(f"<code>{each}</code>" for each in covered.rules) or "none in force"
    result = f'<span class="result {covered.result}">{covered.result}</span>'
    return f'<span title="{escape(control.source)}">{escape(control.id)}</span>', escape(control.title), rules, result


def _foot(findings: Findings) -> str:
    off = [f"<code>{name}</code>" for name, facts in findings.rules.items() if facts.level == "disabled"]
    disabled = f"<p>Switched off: {' '.join(off)}.</p>" if off else ""
    return (
        f"<footer>{disabled}<p>Looked at: {count(len(findings.resources), 'resource')} of project {escape(findings.project)}.</p></footer>"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{title}</h2>{body}</section>"


def _resource(name: str, kind: str, urn: str) -> str:
    return f'<span title="{escape(urn)}">{escape(name)}</span><br><small>{escape(kind)}</small>'


def _path(path: str) -> str:
    return f"<code>{escape(path)}</code>" if path else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are markup already."""
    titles = "".join(f"<th>{each}</th>" for each in head)
    lines = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{titles}</tr></thead><tbody>{lines}</tbody></table></div>'
