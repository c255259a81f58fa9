"""IAM's policy documents as typed statements, rendered to one canonical JSON form. Called by `policies`, which holds every document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Conditions = Mapping[str, Mapping[str, str | tuple[str, ...]]]
ANYONE = "*"
"""The principal of a statement whose conditions say who is meant."""

NO_RESOURCE = "the action has no resource type"
READ_SECRET = ("secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue")
METRICS = "Domicile"
"""The namespace of the product's metrics."""


class TooWide(ValueError):
    """A statement allows more than it names, without a reason."""


@dataclass(frozen=True)
class Statement:
    """One statement. `principal` is `*`, or `{"AWS": …}` or `{"Service": …}`; an identity policy has none.

    What allows needs whole actions and named resources. Where AWS offers neither, `because` says so; without it `TooWide` is raised.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    effect: Literal["Allow", "Deny"] = "Allow"
    principal: str | Mapping[str, str | tuple[str, ...]] | None = None
    conditions: Conditions = field(default_factory=dict)
    because: str = ""

    def __post_init__(self) -> None:
        if self.effect == "Deny" or self.because:
            return
        wide = [action for action in self.actions if "*" in action] + [resource for resource in self.resources if resource == "*"]
        if wide:
            raise TooWide(f"statement {self.sid} allows {', '.join(wide)}: name the actions and resources, or say why AWS has none to name")

    def as_json(self) -> dict[str, object]:
        """The statement in IAM's form."""
        found: dict[str, object] = {"Sid": self.sid, "Effect": self.effect}
        if self.principal is not None:
            found["Principal"] = self.principal if isinstance(self.principal, str) else _plain(self.principal)
        found["Action"] = list(self.actions)
        if self.resources:  # a trust policy and a repository's have none
            found["Resource"] = list(self.resources)
        if self.conditions:
            found["Condition"] = {operator: _plain(keys) for operator, keys in self.conditions.items()}
        return found


def _plain(mapping: Mapping[str, str | tuple[str, ...]]) -> dict[str, str | list[str]]:
    return {key: value if isinstance(value, str) else list(value) for key, value in mapping.items()}


def document(*statements: Statement) -> str:
    """The policy as JSON, the same text for the same statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement.as_json() for statement in statements]})


def publish_metrics(sid: str, namespace: str = METRICS) -> Statement:
    """The product's metrics and no other's: the action has no resource, so that the namespace says what is meant."""
    own: Conditions = {"StringEquals": {"cloudwatch:namespace": namespace}}
    return Statement(sid, ("cloudwatch:PutMetricData",), ("*",), conditions=own, because=NO_RESOURCE)


def by_role(*arns: str) -> Conditions:
    """Only these roles. IAM checks principals that a policy names for existence, but not those of a condition. `*` in one stands for
    any environment of the stack: a list of all would grow beyond what a policy may hold."""
    return {"ArnLike" if _any(arns) else "StringEquals": {"aws:PrincipalArn": arns}}


def but_role(*arns: str) -> Conditions:
    """Anyone but these roles."""
    return {"ArnNotLike" if _any(arns) else "StringNotEquals": {"aws:PrincipalArn": arns}}


def _any(arns: tuple[str, ...]) -> bool:
    return any("*" in arn for arn in arns)


def merged(*conditions: Conditions) -> Conditions:
    """All of the conditions at once."""
    found: dict[str, dict[str, str | tuple[str, ...]]] = {}
    for condition in conditions:
        for operator, keys in condition.items():
            found.setdefault(operator, {}).update(keys)
    return found
