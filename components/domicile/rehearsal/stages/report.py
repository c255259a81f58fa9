"""What a rehearsal has found, for a reader and for machines."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


class StageFailed(Exception):
    """A stage didn't go as it must; says what was found and what it means for the stack."""


@dataclass(frozen=True)
class Finding:
    """What one stage came to: a line for the reader, lines of detail, and the figures behind them."""

    summary: str
    details: tuple[str, ...] = ()
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass
class Stage:
    """One stage as it went."""

    name: str
    passed: bool
    seconds: float
    finding: Finding


@dataclass
class Report:
    """A whole rehearsal. `notes` say what was put in the place of something that isn't there yet."""

    stack: str
    seed: int
    notes: list[str] = field(default_factory=list)
    stages: list[Stage] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(stage.passed for stage in self.stages)

    def add(self, name: str, seconds: float, finding: Finding, passed: bool = True) -> Stage:
        self.stages.append(Stage(name, passed, round(seconds, 1), finding))
        return self.stages[-1]

    def as_json(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "passed": self.passed,
            "seed": self.seed,
            "notes": self.notes,
            "stages": [asdict(s) for s in self.stages],
        }
