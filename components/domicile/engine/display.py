"""How `python -m domicile.engine` shows an operation: lines for a log, the CLI's JSON for a preview, the summary at the end."""

from __future__ import annotations

import json
import sys
from typing import Any, TextIO

from .config import Entry
from .events import Event, Remediation, Result, Step, Violation, shown
from .state.snapshot import STACK_TYPE, Resource
from .values import UNKNOWN

_WORDS = {
    "create": ("+", "created"),
    "update": ("~", "updated"),
    "replace": ("+-", "replaced"),
    "delete": ("-", "deleted"),
    "same": ("", "unchanged"),
}
_DOING = {"create": "creating", "update": "updating", "replace": "replacing", "delete": "deleting", "refresh": "refreshing"}


class Lines:
    """Writes each event as a line; errors begin with `error: `, as the CLI's do."""

    def __init__(self, out: TextIO, quiet: bool = False) -> None:
        self._out, self._quiet = out, quiet

    def __call__(self, event: Event) -> None:
        if event.kind == "log":
            if event.severity != "debug":
                prefix = "" if event.severity in ("info", "output") else f"{event.severity}: "
                subject = f"{event.name}: " if event.name and event.severity != "output" else ""
                self._line(f"{prefix}{subject}{event.message}")
        elif event.policy is not None:
            pass  # they come together, at the end
        elif event.kind == "resource-failed":
            self._line(f"error: {event.op} of {event.message}")
        elif not self._quiet and event.op != "same":
            word = _DOING.get(event.op, event.op)
            end = f" done ({event.seconds:.1f}s)" if event.kind == "resource-finished" else " …"
            self._line(f" {_WORDS.get(event.op, ('', ''))[0]:2} {event.type} {event.name} {word}{end}")

    def _line(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def summary(result: Result, heading: str, out: TextIO) -> None:
    print(f"\n{heading}:", file=out)
    for op, (sign, word) in _WORDS.items():
        if n := result.summary.get(op):
            print(f"    {sign + ' ' if sign else ''}{n} {word}", file=out)
    print(f"\nDuration: {result.seconds:.1f}s", file=out, flush=True)


def policies(result: Result, out: TextIO) -> None:
    """What the policy packs found, a line for each finding under its pack, the worst first."""
    found: list[tuple[Violation | Remediation, str, list[str]]] = [(v, v.level, v.message.strip().splitlines()) for v in result.violations]
    found += [(r, "remediate", [r.description]) for r in result.remediations]
    if not found:
        return
    print("\nPolicies:", file=out)
    for pack, version in sorted({(f.pack, f.version) for f, _, _ in found}):
        own = [x for x in found if (x[0].pack, x[0].version) == (pack, version)]
        worst = min((level for _, level, _ in own), key=_LEVELS.index)
        print(f"    {_LEVEL_SIGNS[worst]} {pack}@v{version}", file=out)
        for f, level, lines in sorted(own, key=lambda x: _LEVELS.index(x[1])):
            severity = f", {f.severity}" if isinstance(f, Violation) and f.severity else ""
            print(f"        - [{level}{severity}]  {f.rule}  ({f.type}: {f.name})", file=out)
            print("".join(f"          {line}\n" for line in lines), end="", file=out)


_LEVELS = ("mandatory", "remediate", "advisory")
_LEVEL_SIGNS = {"mandatory": "❌", "remediate": "✅", "advisory": "⚠️"}


def outputs(result: Result, out: TextIO) -> None:
    if result.outputs:
        print("\nOutputs:", file=out)
        for key, value in result.shown_outputs().items():
            print(f"    {key}: {json.dumps(value, ensure_ascii=False)}", file=out)


def plan(result: Result) -> dict[str, Any]:
    """The CLI's `preview --json`: the stack and what changes.

    Beyond it, `policyViolations` has what the policy packs found, in the form of the CLI's own policy events: the CLI leaves them out.
    """
    steps = [_step(s) for s in result.steps if _shown(s)]
    out: dict[str, Any] = {"steps": steps, "duration": int(result.seconds * 1e9), "changeSummary": result.summary}
    if result.errors:
        out["diagnostics"] = [{"message": m, "severity": "error"} for m in result.errors]
    if result.violations:
        out["policyViolations"] = [violation(v) for v in result.violations]
    return out


def violation(v: Violation) -> dict[str, Any]:
    return {
        "resourceUrn": v.urn, "message": v.message, "policyName": v.rule, "policyPackName": v.pack, "policyPackVersion": v.version,
        "enforcementLevel": v.level, "severity": v.severity, "description": v.description,
    }  # fmt: skip


def _shown(step: Step) -> bool:
    subject = step.new or step.old
    if subject is None or subject.is_default_provider:
        return False
    if step.op == "refresh":
        return subject.custom or subject.type == STACK_TYPE
    return step.op != "same" or subject.type == STACK_TYPE


def _step(step: Step) -> dict[str, Any]:
    out: dict[str, Any] = {"op": step.op, "urn": step.urn}
    out |= {key: _state(state) for key, state in (("oldState", step.old), ("newState", step.new)) if state}
    if step.replace_reasons:
        out["replaceReasons"] = list(step.replace_reasons)
    if step.diff_reasons:
        out["diffReasons"] = list(step.diff_reasons)
    if step.detailed_diff:
        out["detailedDiff"] = step.detailed_diff
    return out


def _state(r: Resource) -> dict[str, Any]:
    out: dict[str, Any] = {"urn": r.urn, "custom": r.custom, "type": r.type}
    if r.id and r.id != UNKNOWN:
        out["id"] = r.id
    out |= {"inputs": shown(r.inputs, show_secrets=False), "outputs": shown(r.outputs, show_secrets=False)}
    if r.parent:
        out["parent"] = r.parent
    return out


def text_of(value: Any) -> str:
    """An output for a reader: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def config_json(entry: Entry, show_secrets: bool) -> dict[str, Any]:
    """A configuration value as the CLI's `--json` gives it: no value where it is secret and isn't to be shown."""
    if entry.secret and not show_secrets:
        return {"secret": True}
    return {"value": entry.text, **({"objectValue": json.loads(entry.text)} if entry.is_object else {}), "secret": entry.secret}


def error(message: str) -> None:
    print(f"error: {message}", file=sys.stderr, flush=True)
