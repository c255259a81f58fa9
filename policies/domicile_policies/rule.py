"""What a rule is. The concerns' modules define them by `rule` and `stack_rule`; `pack` collects them, `judge` applies them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from domicile_policies.resource import Resource, Stack

Severity = Literal["low", "medium", "high", "critical"]
Level = Literal["advisory", "mandatory"]
ID = r"DOM-(NET|EGR|KEY|IMG|WRK|RES|AUD|TUN|ACC)-\d{3}"


@dataclass(frozen=True)
class Violation:
    """What is wrong, where: `path` within the resource, and the resource itself (None: the one that was judged, or the whole stack)."""

    path: str
    message: str
    resource: Resource | None = None


@dataclass(frozen=True)
class Asked:
    """Under what a rule judges: the rule's parameters, filled up with their defaults, and the stack's own configuration.

    `config` has the stack's configuration by full key (`domicile:jurisdiction`), as text; it is empty for a stack that isn't Domicile's.
    """

    parameters: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, str] = field(default_factory=dict)
    preview: bool = False


ResourceCheck = Callable[[Resource, Asked], Iterator[Violation]]
StackCheck = Callable[[Stack, Asked], Iterator[Violation]]


@dataclass(frozen=True)
class Rule:
    """One rule. A check may raise `NotKnown`: then the rule is undecided, which fails a mandatory one unless the whole stack decides it.

    `about` are the types of resources, as patterns; empty for a rule of the whole stack. `controls` are ids of `controls.CONTROLS`.
    `parameters` is a JSON schema's `properties`, each with a default.
    """

    id: str
    title: str
    why: str
    fix: str
    severity: Severity
    controls: tuple[str, ...]
    level: Level = "mandatory"
    about: tuple[str, ...] = ()
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    check: ResourceCheck | None = None
    check_stack: StackCheck | None = None


RULES: dict[str, Rule] = {}
"""Every rule that a loaded module defines, by id."""


def _define(rule: Rule) -> None:
    if rule.id in RULES:
        raise ValueError(f"{rule.id} is defined twice")
    RULES[rule.id] = rule


def rule(
    id: str, title: str, *about: str, why: str, fix: str, severity: Severity, controls: tuple[str, ...], level: Level = "mandatory",
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[ResourceCheck], ResourceCheck]:  # fmt: skip
    """Define a rule of single resources of the types `about`."""

    def define(check: ResourceCheck) -> ResourceCheck:
        _define(Rule(id, title, why, fix, severity, controls, level, about, parameters or {}, check=check))
        return check

    return define


def stack_rule(
    id: str, title: str, *, why: str, fix: str, severity: Severity, controls: tuple[str, ...], level: Level = "mandatory",
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
) -> Callable[[StackCheck], StackCheck]:  # fmt: skip
    """Define a rule of the whole stack: of how resources stand to each other."""

    def define(check: StackCheck) -> StackCheck:
        _define(Rule(id, title, why, fix, severity, controls, level, (), parameters or {}, check_stack=check))
        return check

    return define
