"""The least rights to deploy a stack: generated from every call that its rehearsal made. Called by the rehearsal's stages.

What an action touches is named where a name is the stack's own; where AWS gives the identifier, it is any of the account and region.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..calls import Call
from .authorization import context, formats, touched

MANAGED_CHARACTERS = 6144
"""A managed policy, without white space; a role takes ten (IAM guide: IAM and STS quotas)."""

Conditions = tuple[tuple[str, str], ...]

_EVERYWHERE = ("iam", "sts")
"""Services without a region: a condition on it would refuse them."""

_GIVEN = (  # identifiers that AWS gives, and names of environments, of which a stack may have many -> what stands for any
    (r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", "*"),
    (r"(?:[a-z]+-)+[0-9a-f]{16,17}(?![0-9a-f])", "*"),
    (r"(?<=/)[0-9a-f]{16}(?![0-9a-f])", "*"),
    (r"(?<=:secret:)(.+)-\w{6}$", r"\1-??????"),
    (r"(\bdomicile-[a-z0-9-]+)_[a-z0-9-]+", r"\1_*"),
    (r"(?<=/)environments/[^/:]+/", "environments/*/"),
    (r"(:log-group:[^:*]+)$", r"\1*"),
    (r"(?<=:s3:::)([^/]+)/.+", r"\1/*"),
)


def any_of(arn: str) -> str:
    """The ARN with what AWS or a run chose in it replaced by what stands for any."""
    for pattern, instead in _GIVEN:
        arn = re.sub(pattern, instead, arn)
    return arn


def least(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """Policy documents, each short enough for a managed policy, that together allow these calls, and as little else as IAM tells apart."""
    wanted: dict[tuple[str, Conditions], set[str]] = {}
    for call in calls:
        if call.operation in ("read", "delete") and not call.arns and formats()[call.action]:
            continue  # it had gone already: nobody was asked about it
        resources = {any_of(arn) for arn in touched(call.action, call.token, call.arns, call.account, call.region)}
        for resource in resources:
            wanted.setdefault((call.action, _conditions(call, resource)), set()).add(resource)
    return _documents(_statements(wanted))


def _statements(wanted: Mapping[tuple[str, Conditions], set[str]]) -> list[dict[str, Any]]:
    """One statement for all actions of a service on the same resources. Of things that AWS names, all kinds together: an action is never
    asked about a kind that it doesn't touch."""
    groups: dict[tuple[str, frozenset[str], Conditions], tuple[set[str], set[str]]] = {}
    for (action, conditions), resources in sorted(wanted.items()):
        service = action.partition(":")[0]
        by_name = frozenset() if all(resource.endswith("/*") for resource in resources) else frozenset(resources)
        actions, all_resources = groups.setdefault((service, by_name, conditions), (set(), set()))
        actions.add(action)
        all_resources.update(resources)
    found = [_statement(conditions, *of) for (_, _, conditions), of in groups.items()]
    return sorted(found, key=lambda statement: (statement["Action"], statement["Resource"]))


def _documents(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    documents = [_document([])]
    for statement in statements:
        if characters(_document([*documents[-1]["Statement"], statement])) > MANAGED_CHARACTERS:
            documents.append(_document([]))
        documents[-1]["Statement"].append(statement)
    return documents


def _document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _conditions(call: Call, resource: str) -> Conditions:
    asked = context(call.action, call.token, call.region)
    keys = [key for key in asked if key != "aws:RequestedRegion"]
    if resource == "*" and call.action.partition(":")[0] not in _EVERYWHERE:
        keys.append("aws:RequestedRegion")
    return tuple((key, asked[key]) for key in keys)


def _statement(conditions: Conditions, actions: set[str], resources: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": sorted(resources)}
    if conditions:
        found["Condition"] = {"StringEquals": dict(conditions)}
    return found


def characters(document: Mapping[str, Any]) -> int:
    """How long IAM finds the document."""
    return len(json.dumps(document, separators=(",", ":")))
