"""DOM-EGR-100: the egress proof as a rule of the whole stack. A violation is one finding of the proof."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from domicile_policies.reach.declared import declared
from domicile_policies.reach.proof import Proof
from domicile_policies.reach.prove import prove
from domicile_policies.resource import Stack
from domicile_policies.rule import Asked, Violation, stack_rule

PROOF_VARIABLE = "DOMICILE_EGRESS_PROOF"
"""Names a file that the proof is written to as JSON, for `domicile egress prove`."""

_TEXTS = {"type": "array", "items": {"type": "string"}, "default": []}
_LABELS = {"type": "object", "additionalProperties": {"type": "string"}}
_UNSEEN = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "reason": {"type": "string", "minLength": 10}},
    "required": ["id", "reason"],
    "additionalProperties": False,
}
_TARGET = {
    "type": "object",
    "properties": {"host": {"type": "string"}, "port": {"type": "integer", "minimum": 1, "maximum": 65535}},
    "required": ["host"],
    "additionalProperties": False,
}


@stack_rule(
    "DOM-EGR-100",
    "Sandboxes reach what is declared, and nothing else",
    why="An agent's code may do anything inside its sandbox. What leaves is bounded by what the network lets through, all of it together: "
    "one route, one group's rule, one endpoint's policy more is a way out that no single rule sees.",
    fix="Follow the path that the finding names, and close it at the resource it is about; or declare the host in `domicile:egress`.",
    severity="critical",
    controls=("SOC2:CC6.6", "SOC2:CC6.7", "ISO27001:A.8.20", "ISO27001:A.8.22", "NIST:SC-7", "NIST:AC-4"),
    parameters={
        "allow": {"type": "array", "items": _TARGET, "default": [], "description": "Hosts beside those of `domicile:egress`."},
        "sandboxes": {**_TEXTS, "description": "Names of the groups, templates or instances that run sandboxes; none: Domicile's own."},
        "accounts": {**_TEXTS, "description": "Accounts whose things data may be written to, beside the stack's own."},
        "pods": {**_LABELS, "default": {}, "description": "Labels of the pods that run sandboxes; none: Domicile's own."},
        "doors": {"type": "array", "items": _LABELS, "default": [], "description": "Labels of pods that sandboxes may reach."},
        "unseen": {
            "type": "array",
            "items": _UNSEEN,
            "default": [],
            "description": "Subnets, groups and VPCs outside the stack that are closed.",
        },
        "locks": {"type": "integer", "minimum": 1, "maximum": 2, "default": 2, "description": "Guards before each undeclared way."},
    },
)
def egress_is_proven(stack: Stack, asked: Asked) -> Iterator[Violation]:
    """One violation a finding, on the resource where it is mended."""
    proof = prove(stack, declared(asked))
    _leave(proof)
    for each in proof.findings:
        yield Violation(each.path, str(each), each.resource)


def _leave(proof: Proof) -> None:
    if file := os.environ.get(PROOF_VARIABLE):
        Path(file).write_text(json.dumps(proof.as_json(), indent=1), "utf-8")
