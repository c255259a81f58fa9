"""`aws.iam.getPolicyDocument`: the provider works it out itself, with no call to AWS, so the double can too.

By the provider's rules as known: single values unwrapped, lists in reverse order, statements merged by their Sid (from memory, not checked
against the provider).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..cloud import Properties
from ..kinds import Place
from ..world import Refused


def policy_document(args: Properties, place: Place) -> Properties:
    """The document as `json` and `minifiedJson`."""
    statements: list[Properties] = []
    for text in args.get("sourcePolicyDocuments") or []:
        statements = _merged(statements, _statements(text), override=False)
    statements = _merged(statements, [_statement(s) for s in args.get("statements") or []], override=bool(statements))
    for text in args.get("overridePolicyDocuments") or []:
        statements = _merged(statements, _statements(text), override=True)
    full = {"Version": args.get("version") or "2012-10-17", "Id": args.get("policyId"), "Statement": statements}
    document = {k: v for k, v in full.items() if v}
    text = json.dumps(document, indent=2)
    number = str(int(hashlib.sha256(text.encode()).hexdigest()[:8], 16))
    return {"json": text, "minifiedJson": json.dumps(document, separators=(",", ":")), "id": number}


def _statement(s: Properties) -> Properties:
    tests: dict[str, Properties] = {}
    for c in s.get("conditions") or []:
        values = c["values"]
        tests.setdefault(c["test"], {})[c["variable"]] = values[0] if len(values) == 1 else values
    out = {
        "Sid": s.get("sid"), "Effect": s.get("effect") or "Allow", "Action": _many(s.get("actions")), "NotAction": _many(s.get("notActions")),
        "Resource": _many(s.get("resources")), "NotResource": _many(s.get("notResources")), "Principal": _principals(s.get("principals")),
        "NotPrincipal": _principals(s.get("notPrincipals")), "Condition": tests,
    }  # fmt: skip
    return {k: v for k, v in out.items() if v}


def _many(texts: list[str] | None) -> Any:
    return None if not texts else texts[0] if len(texts) == 1 else sorted(texts, reverse=True)


def _principals(principals: list[Properties] | None) -> Any:
    if not principals:
        return None
    if any(p["type"] == "*" for p in principals):
        return "*"
    by_type: dict[str, list[str]] = {}
    for p in principals:
        by_type.setdefault(p["type"], []).extend(p["identifiers"])
    return {kind: _many(ids) for kind, ids in by_type.items()}


def _merged(base: list[Properties], more: list[Properties], override: bool) -> list[Properties]:
    out = list(base)
    for statement in more:
        same = [i for i, b in enumerate(out) if statement.get("Sid") and b.get("Sid") == statement["Sid"]]
        if same and not override:
            raise Refused("InvalidPolicyDocument", f"the Sid {statement['Sid']!r} is there twice")
        if same:
            out[same[0]] = statement
        else:
            out.append(statement)
    return out


def _statements(text: str) -> list[Properties]:
    found = json.loads(text).get("Statement", [])
    return found if isinstance(found, list) else [found]
