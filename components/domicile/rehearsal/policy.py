"""Whether a text is an IAM policy document of valid shape. The grammar is that of the IAM User Guide (IAM JSON policy reference), as moto's
validator has it from AWS's own answers and cfn-lint in a schema: tests hold this to both.

What it allows is for a policy linter and the policy pack to judge; here it is only what AWS refuses as malformed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

Form = Literal["identity", "resource", "trust"]
_ELEMENTS = {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
_PRINCIPALS = {"AWS", "Service", "Federated", "CanonicalUser"}
_TYPES = ("String", "Numeric", "Date", "Arn")
_BASE = (
    *(f"{t}{o}" for t in _TYPES for o in ("Equals", "NotEquals")), *(f"{t}{o}" for t in ("String", "Arn") for o in ("Like", "NotLike")),
    *(f"{t}{o}{e}" for t in ("Numeric", "Date") for o in ("LessThan", "GreaterThan") for e in ("", "Equals")),
    "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "Bool", "BinaryEquals", "IpAddress", "NotIpAddress",
)  # fmt: skip
_OPERATOR = re.compile(rf"(?:ForAllValues:|ForAnyValue:)?(?:{'|'.join(_BASE)})(?:IfExists)?|Null")
_ACTION = re.compile(r"\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+")
_ARN = re.compile(r"\*|arn:[^:]*:[^:]*:[^:]*:[^:]*:.+|arn:\*.*", re.DOTALL)

Wrong = tuple[str, str]  # a place within the document, and what is wrong there


def faults(text: Any, form: Form) -> Iterator[Wrong]:
    """What AWS would call malformed, with the place as `.Statement[0].Action`."""
    try:
        document = text if isinstance(text, dict) else json.loads(text)
    except (TypeError, ValueError) as e:
        yield "", f"is not JSON: {e}"
        return
    if not isinstance(document, dict):
        yield "", "is not a policy document: an object with a Statement"
        return
    for key in sorted(document.keys() - {"Version", "Id", "Statement"}):
        yield f".{key}", "is not an element of a policy; there are Version, Id, Statement"
    if document.get("Version", "2008-10-17") not in ("2012-10-17", "2008-10-17"):
        yield ".Version", f"{document['Version']!r} is not a version of the policy language; use '2012-10-17'"
    statements = document.get("Statement")
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        yield ".Statement", "there is no statement"
        return
    for i, statement in enumerate(statements):
        if isinstance(statement, dict):
            yield from ((f".Statement[{i}]{at}", reason) for at, reason in _statement(statement, form))
        else:
            yield f".Statement[{i}]", "is not an object"
    yield from _sids(statements, form)


def allows(document: Any, service: str) -> bool:
    """Whether some statement allows something to this service principal, or to everybody."""
    for s in _statements(document):
        principal = s.get("Principal")
        named = principal.get("Service") if isinstance(principal, dict) else principal
        named = named if isinstance(named, list) else [named]
        everybody = principal == "*" or (isinstance(principal, dict) and principal.get("AWS") == "*")
        if s.get("Effect") == "Allow" and (service in named or everybody):
            return True
    return False


def resources(document: Any) -> list[str]:
    """Every resource that the document's statements name."""
    found = [s.get(k) for s in _statements(document) for k in ("Resource", "NotResource")]
    return [str(r) for f in found if f for r in (f if isinstance(f, list) else [f])]


def _statements(document: Any) -> list[Any]:
    value = document if isinstance(document, dict) else json.loads(document)
    found = value.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _sids(statements: list[Any], form: Form) -> Iterator[Wrong]:
    seen: set[str] = set()
    for i, sid in enumerate(s.get("Sid") if isinstance(s, dict) else None for s in statements):
        if sid is None:
            continue
        if sid and sid in seen:
            yield f".Statement[{i}].Sid", f"{sid!r} is there twice"
        seen.add(sid)
        if form == "identity" and not re.fullmatch(r"[A-Za-z0-9]*", str(sid)):
            yield f".Statement[{i}].Sid", f"{sid!r} has other characters than letters and digits"


def _statement(s: dict[str, Any], form: Form) -> Iterator[Wrong]:
    for key in sorted(s.keys() - _ELEMENTS):
        yield f".{key}", f"is not an element of a statement; there are {', '.join(sorted(_ELEMENTS))}"
    if s.get("Effect") not in ("Allow", "Deny"):
        yield ".Effect", f"{s.get('Effect')!r} is neither Allow nor Deny"
    yield from _one_of(s, "Action", needed=True)
    yield from _one_of(s, "Resource", needed=form == "identity")
    if form == "trust" and ("Resource" in s or "NotResource" in s):
        yield ".Resource", "a trust policy has no Resource"
    if form == "identity" and ("Principal" in s or "NotPrincipal" in s):
        yield ".Principal", "a policy attached to an identity has no Principal"
    if form != "identity":
        yield from _one_of(s, "Principal", needed=True)
        yield from _principal(s.get("Principal", s.get("NotPrincipal", "*")))
    for key in ("Action", "NotAction"):
        yield from _texts(s, key, _ACTION, "is not an action such as 's3:GetObject'")
    for key in ("Resource", "NotResource"):
        yield from _texts(s, key, _ARN, "is neither an ARN nor '*'")
    yield from _condition(s.get("Condition", {}))


def _one_of(s: dict[str, Any], key: str, needed: bool) -> Iterator[Wrong]:
    here = [k for k in (key, f"Not{key}") if k in s]
    if len(here) > 1:
        yield f".{key}", f"{key} and Not{key} exclude each other"
    elif not here and needed:
        yield f".{key}", f"{key} or Not{key} must be there"


def _texts(s: dict[str, Any], key: str, pattern: re.Pattern[str], wrong: str) -> Iterator[Wrong]:
    if key not in s:
        return
    found = s[key] if isinstance(s[key], list) else [s[key]]
    if not found:
        yield f".{key}", "is empty"
    for text in found:
        if not isinstance(text, str) or not pattern.fullmatch(text):
            yield f".{key}", f"{text!r} {wrong}"


def _principal(principal: Any) -> Iterator[Wrong]:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal:
        yield ".Principal", f'{principal!r} is neither \'*\' nor an object such as {{"Service": "ec2.amazonaws.com"}}'
        return
    for key, who in principal.items():
        if key not in _PRINCIPALS:
            yield f".Principal.{key}", f"is no kind of principal; there are {', '.join(sorted(_PRINCIPALS))}"
        for one in who if isinstance(who, list) else [who]:
            if not isinstance(one, str) or (key == "Service" and not re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com(?:\.cn)?", one)):
                yield f".Principal.{key}", f"{one!r} is not a valid principal"
            elif key == "AWS" and not re.fullmatch(r"\*|\d{12}|arn:aws[\w-]*:(?:iam|sts)::\d{12}:.+|A[A-Z0-9]{15,}", one):
                yield f".Principal.{key}", f"{one!r} is neither an account, an ARN of IAM or STS, nor '*'"


def _condition(condition: Any) -> Iterator[Wrong]:
    if not isinstance(condition, dict):
        yield ".Condition", "is not an object"
        return
    for operator, tests in condition.items():
        if not _OPERATOR.fullmatch(operator):
            yield f".Condition.{operator}", "is not a condition operator"
        elif not isinstance(tests, dict) or not tests:
            yield f".Condition.{operator}", "is not an object of condition keys"
        else:
            yield from ((f".Condition.{operator}.{k}", "has no colon: keys are such as 'aws:SourceVpce'") for k in tests if ":" not in k)
