"""What an operation tells while it runs, and what it gives back. The CLI shows `Event`s and decides by the `Result`."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from .errors import EngineError
from .state.snapshot import STACK_TYPE, Resource
from .values import Properties, translate

Op = Literal[
    "create", "update", "replace", "delete", "same", "read", "refresh", "create-replacement", "delete-replaced", "import",
    "import-replacement", "read-replacement", "discard", "discard-replaced",
]  # fmt: skip
COUNTED = ("create", "update", "replace", "delete", "same", "read", "import", "discard")


class _OfResource:
    urn: str

    @property
    def type(self) -> str:
        return self.urn.split("::")[2].rpartition("$")[2] if self.urn else ""

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass(frozen=True)
class Violation(_OfResource):
    """What a policy pack's rule has against a resource, or against the stack: `mandatory` stops an update and fails a preview."""

    pack: str
    version: str
    rule: str
    level: str  # advisory or mandatory
    urn: str
    message: str
    description: str = ""  # of the rule
    severity: str = ""  # low, medium, high or critical, where the rule gives one


@dataclass(frozen=True)
class Remediation(_OfResource):
    """A rule has changed a resource's inputs before its provider saw them."""

    pack: str
    version: str
    rule: str
    urn: str
    description: str
    before: Properties
    after: Properties


@dataclass(frozen=True)
class Event:
    """Progress: a resource's step has begun, ended or failed; or a line of the program, a provider or the engine itself."""

    kind: Literal["resource-started", "resource-finished", "resource-failed", "log", "policy-violation", "policy-remediation"]
    message: str = ""
    severity: Literal["debug", "info", "warning", "error", "output"] = "info"  # of a log line; `output` is what was printed
    op: str = ""
    urn: str = ""
    type: str = ""
    name: str = ""
    seconds: float = 0.0
    parent: str = ""  # of the resource: a URN
    planning: bool = False  # told by the preview that an update begins with
    policy: Violation | Remediation | None = None  # of the two policy kinds


@dataclass(frozen=True)
class Step(_OfResource):
    """What was done to a resource, or would be."""

    op: Op
    urn: str
    old: Resource | None = None
    new: Resource | None = None
    replace_reasons: tuple[str, ...] = ()
    diff_reasons: tuple[str, ...] = ()
    detailed_diff: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """What an operation did (or, in a preview, would do)."""

    exit_code: int
    summary: dict[str, int]  # resources by op; default providers aren't counted
    steps: list[Step]
    outputs: Properties  # of the stack; a secret is a `Secret`, an unknown is UNKNOWN
    errors: list[str]
    seconds: float
    violations: list[Violation] = field(default_factory=list)
    remediations: list[Remediation] = field(default_factory=list)

    @property
    def changes(self) -> int:
        return sum(n for op, n in self.summary.items() if op not in ("same", "read"))

    def shown_outputs(self, show_secrets: bool = False) -> dict[str, Any]:
        return shown(self.outputs, show_secrets)


def shown(outputs: Properties, show_secrets: bool) -> dict[str, Any]:
    """Outputs for a reader: each secret in them is `[secret]`, unless secrets are to be shown."""
    out: dict[str, Any] = translate(outputs, lambda v: v if show_secrets else "[secret]")
    return out


class Journal:
    """Collects the steps and errors of one operation, and passes every event on to whoever watches."""

    def __init__(self, on_event: Callable[[Event], None] | None) -> None:
        self._on_event = on_event
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self.steps: list[Step] = []
        self.errors: list[str] = []
        self.failures = 0  # steps that failed; a program's own error lines aren't failures
        self.counts: Counter[str] = Counter()
        self.violations: list[Violation] = []
        self.remediations: list[Remediation] = []

    def emit(self, event: Event) -> None:
        if event.kind == "log" and event.severity == "error":
            self.errors.append(event.message)
        if self._on_event:
            with self._lock:
                self._on_event(event)

    def log(self, message: str, severity: Literal["debug", "info", "warning", "error", "output"] = "info", urn: str = "") -> None:
        self.emit(Event("log", message, severity, urn=urn, name=urn.rpartition("::")[2]))

    def started(self, op: str, resource: Resource) -> float:
        self.emit(Event("resource-started", op=op, urn=resource.urn, type=resource.type, name=resource.name, parent=resource.parent))
        return time.monotonic()

    def finished(self, op: str, resource: Resource, since: float) -> None:
        seconds = time.monotonic() - since
        self.emit(Event("resource-finished", op=op, urn=resource.urn, type=resource.type, name=resource.name, seconds=seconds))

    def unchanged(self, resource: Resource) -> None:
        since = self.started("same", resource)
        self.planned(Step("same", resource.urn, resource, resource))
        self.finished("same", resource, since)

    def failed(self, op: str, resource: Resource, error: EngineError) -> None:
        error.told = True
        message = f"{resource.name} ({resource.type}): {error}"
        self.errors.append(message)
        self.failures += 1
        event = Event("resource-failed", message, "error", op=op, urn=resource.urn, type=resource.type, name=resource.name)
        self.emit(event)

    def violated(self, violation: Violation) -> None:
        """A mandatory violation fails the operation; whether it goes on is the caller's."""
        with self._lock:
            self.violations.append(violation)
            self.failures += violation.level == "mandatory"
        severity: Literal["warning", "error"] = "error" if violation.level == "mandatory" else "warning"
        self._policy("policy-violation", violation.message, severity, violation)

    def remedied(self, remediation: Remediation) -> None:
        with self._lock:
            self.remediations.append(remediation)
        self._policy("policy-remediation", remediation.description, "info", remediation)

    def _policy(self, kind: Any, message: str, severity: Any, policy: Violation | Remediation) -> None:
        self.emit(Event(kind, message, severity, urn=policy.urn, type=policy.type, name=policy.name, policy=policy))

    def planned(self, step: Step, counted: bool = True) -> None:
        """A step that belongs in the plan; `counted` in the summary too."""
        with self._lock:
            self.steps.append(step)
            subject = step.new or step.old
            if counted and step.op in COUNTED and subject and not subject.is_default_provider:
                self.counts[step.op] += 1

    def result(self, exit_code: int, resources: list[Resource]) -> Result:
        outputs = next((r.outputs for r in resources if r.type == STACK_TYPE), {})
        seconds = time.monotonic() - self._began
        summary = dict(sorted(self.counts.items()))
        return Result(exit_code, summary, self.steps, outputs, self.errors, seconds, self.violations, self.remediations)
