"""Whether IAM would let a call through, by the policies that take part in it: as much of its language as a region's documents use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

Document = Mapping[str, Any]
_OPERATORS = {
    "StringEquals": (fnmatchcase, False, True),
    "StringNotEquals": (fnmatchcase, True, True),
    "ArnLike": (fnmatchcase, False, False),
    "ArnNotLike": (fnmatchcase, True, False),
}
"""How values are compared, whether none may match, and whether `*` is a letter like others."""


def permitted(
    action: str, resource: str, context: Mapping[str, str], identity: Document, *, guards: Sequence[Document], way: Document
) -> bool:
    """By the caller's own policy and the way's (a VPC endpoint's), unless one of them or a guard (the thing's own policy) denies it."""
    allowed = all("Allow" in _effects(each, action, resource, context) for each in (identity, way))
    return allowed and not any("Deny" in _effects(each, action, resource, context) for each in (identity, way, *guards))


def _effects(document: Document, action: str, resource: str, context: Mapping[str, str]) -> set[str]:
    return {each["Effect"] for each in document["Statement"] if _speaks_of(each, action, resource) and _fulfilled(each, context)}


def _speaks_of(statement: Document, action: str, resource: str) -> bool:
    actions, resources = statement["Action"], statement.get("Resource", ["*"])
    return any(fnmatchcase(action, each) for each in actions) and any(fnmatchcase(resource, each) for each in resources)


def _fulfilled(statement: Document, context: Mapping[str, str]) -> bool:
    """Raises KeyError for an operator that this doesn't know: a test must not guess."""
    return all(
        _holds(operator, context.get(key, ""), [wanted] if isinstance(wanted, str) else wanted)
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, given: str, wanted: Sequence[str]) -> bool:
    if operator == "Null":
        return (not given) == (list(wanted) == ["true"])
    matches, negated, exact = _OPERATORS[operator]
    found = any(given == each if exact else matches(given, each) for each in wanted)
    return found != negated
