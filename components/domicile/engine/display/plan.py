"""The plan of an operation as the CLI's `preview --json` gives it."""

from __future__ import annotations

from typing import Any

from ..events import Result, Step, Violation, shown
from ..state.snapshot import STACK_TYPE, Resource
from ..values import UNKNOWN


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
