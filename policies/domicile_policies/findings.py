"""What judging a stack has found: the one record from which every report is made, the same under each engine and on live state.

The pack writes it as JSON into the file that `DOMICILE_POLICY_REPORT` names, as Pulumi's own `--json` leaves violations out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from domicile_policies.resource import Resource

VARIABLE = "DOMICILE_POLICY_REPORT"
FORMAT = 1

State = Literal["applied", "idle", "expired", "unmatched"]


@dataclass(frozen=True)
class Finding:
    """One violation. `urn` is the resource's, or the stack's own for what is wrong with the whole; `path` is empty for a whole resource.

    `undecided`: the rule couldn't tell in a preview, as what it reads isn't known before it is made.
    """

    rule: str
    level: str
    urn: str
    type: str
    name: str
    path: str
    message: str
    undecided: bool = False

    @property
    def fails(self) -> bool:
        return self.level == "mandatory"


@dataclass(frozen=True)
class Excepted:
    """One exception, and what became of it.

    `applied` to `findings`; `idle`, as its resource keeps the rule; `expired` or `unmatched` (no such resource), which fail.
    """

    rule: str
    resource: str
    reason: str
    owner: str
    expires: str
    state: State
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Judged:
    """One resource that was looked at. `region` is empty where it has none."""

    urn: str
    type: str
    name: str
    region: str = ""


@dataclass(frozen=True)
class RuleFacts:
    """What a reader wants to know of a rule. `level` is the one in force."""

    title: str
    why: str
    fix: str
    severity: str
    level: str
    controls: tuple[str, ...]


@dataclass(frozen=True)
class Findings:
    """Everything that was found. `complete` is False while, or if, the rules of the whole stack were not asked."""

    project: str
    stack: str
    mode: Literal["preview", "update", "live"]
    complete: bool
    rules: Mapping[str, RuleFacts] = field(default_factory=dict)
    resources: tuple[Judged, ...] = ()
    findings: tuple[Finding, ...] = ()
    exceptions: tuple[Excepted, ...] = ()

    @property
    def failing(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.fails]

    def as_json(self) -> dict[str, Any]:
        return {"format": FORMAT, **asdict(self)}

    def write(self, file: Path) -> None:
        """Whole or not at all."""
        partial = file.with_name(f".{file.name}.partial")
        partial.write_text(json.dumps(self.as_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")
        partial.replace(file)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Raises OSError, or ValueError for what isn't such a file."""
        content = json.loads(file.read_text("utf-8"))
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise ValueError(f"{file} is no policy report of format {FORMAT}")
        exceptions = [Excepted(**{**each, "findings": _many(Finding, each["findings"])}) for each in content.pop("exceptions")]
        rules = {name: RuleFacts(**{**each, "controls": tuple(each["controls"])}) for name, each in content.pop("rules").items()}
        found, resources = _many(Finding, content.pop("findings")), _many(Judged, content.pop("resources"))
        return cls(**content, rules=rules, resources=resources, findings=found, exceptions=tuple(exceptions))


def judged(resource: Resource) -> Judged:
    """What a report says of a resource."""
    region = next((r for r in (resource.inputs.get("region"), resource.provider.get("region")) if isinstance(r, str)), "")
    return Judged(resource.urn, resource.type, resource.name, region)


def _many(kind: Any, listed: Iterable[Mapping[str, Any]]) -> tuple[Any, ...]:
    return tuple(kind(**each) for each in listed)
