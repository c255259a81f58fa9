"""Findings as SARIF 2.1.0, which code hosts show beside the code. Called by `domicile check --sarif`.

The form is OASIS's Static Analysis Results Interchange Format 2.1.0 (2020-03), as GitHub's code scanning reads it: a finding's place is the
stack's settings file, its resource the logical location, its fingerprint stable from run to run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from domicile_policies.controls import CONTROLS
from domicile_policies.findings import Excepted, Finding, Findings, RuleFacts
from domicile_policies.pack import NAME, VERSION

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SCORES: Mapping[str, str] = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0"}
"""GitHub's `security-severity`, a number from 0 to 10 that it sorts by; these are the middles of its own ranges."""
_LEVELS: Mapping[str, str] = {"critical": "error", "high": "error", "medium": "warning", "low": "note"}


def text(findings: Findings) -> str:
    """The whole file."""
    return json.dumps(log(findings), indent=1, ensure_ascii=False) + "\n"


def log(findings: Findings) -> dict[str, Any]:
    """One run: every rule that judged, every finding, and those that an exception spares, marked as suppressed."""
    ids = list(findings.rules)
    spared = [(each, finding) for each in findings.exceptions for finding in each.findings]
    results = [_result(findings, ids, finding) for finding in findings.findings]
    results += [{**_result(findings, ids, finding), "suppressions": [_suppression(each)]} for each, finding in spared]
    driver = {"name": f"{NAME}-policies", "semanticVersion": VERSION, "rules": [_rule(name, findings.rules[name]) for name in ids]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{NAME}/{findings.stack}/{findings.mode}"},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"PROJECT": {"description": {"text": "the project's folder, with its Pulumi.yaml"}}},
        "invocations": [{"executionSuccessful": findings.complete}],
        "results": results,
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(name: str, facts: RuleFacts) -> dict[str, Any]:
    controls = [f"{each}: {CONTROLS[each].title}" if each in CONTROLS else each for each in facts.controls]
    told = {
        "id": name,
        "name": name.replace("-", ""),
        "shortDescription": {"text": facts.title},
        "fullDescription": {"text": facts.why},
        "help": {"text": f"{facts.why}\n\nFix: {facts.fix}\n\nControls: {'; '.join(controls)}"},
        "properties": {
            "tags": ["security", *facts.controls], "precision": "very-high", "problem.severity": _LEVELS[facts.severity],
            "security-severity": _SCORES[facts.severity],
        },
    }  # fmt: skip
    enabled = {"enabled": facts.level != "disabled", "level": _LEVELS[facts.severity]}
    return {**told, "defaultConfiguration": enabled}


def _result(findings: Findings, ids: list[str], finding: Finding) -> dict[str, Any]:
    facts = findings.rules[finding.rule]
    said = f"{finding.path}: {finding.message}" if finding.path else finding.message
    return {
        "ruleId": finding.rule,
        "ruleIndex": ids.index(finding.rule),
        "kind": "fail",
        "level": _LEVELS[facts.severity] if finding.fails else "note",
        "message": {"text": f"{finding.name}: {said}. Fix: {facts.fix}"},
        "locations": [_location(findings, finding)],
        "partialFingerprints": {"finding/v1": fingerprint(finding)},
        "properties": {"undecided": finding.undecided, "enforcement": finding.level},
    }


def _location(findings: Findings, finding: Finding) -> dict[str, Any]:
    """The settings file of the stack stands for it in the code; line 1, as a resource has no line there."""
    file = {"uri": f"stacks/Pulumi.{findings.stack}.yaml", "uriBaseId": "PROJECT"}
    logical = {"name": finding.name, "fullyQualifiedName": finding.urn or finding.name, "kind": "resource"}
    return {"physicalLocation": {"artifactLocation": file, "region": {"startLine": 1}}, "logicalLocations": [logical]}


def fingerprint(finding: Finding) -> str:
    """The same for the same fault from run to run: by what is wrong where, not by how it is worded."""
    return hashlib.sha256(json.dumps([finding.rule, finding.urn, finding.path]).encode()).hexdigest()


def _suppression(excepted: Excepted) -> dict[str, Any]:
    reason = f"{excepted.reason} (owner: {excepted.owner}, until {excepted.expires})"
    return {"kind": "external", "status": "accepted", "justification": reason}
