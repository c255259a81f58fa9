"""`--event-log FILE`: what an operation does, as the CLI's engine events, one JSON object a line, written as it happens.

The events are those of Pulumi's `apitype.EngineEvent` (3.260) that tell what was done and said; a resource's states are left out of them,
as is the prelude with the configuration.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from .errors import EngineError
from .events import Event, Remediation, Result, Violation, shown

_SEVERITY = {"output": "info"}
_REPLACING = ("create-replacement", "read-replacement", "import-replacement")


class EventLog:
    """Takes each event; `planning` says that they are a preview's."""

    def __init__(self, out: TextIO, planning: bool) -> None:
        self._out, self._planning, self._sequence = out, planning, 0
        self._deleted: set[str] = set()  # what was deleted to be replaced

    def __call__(self, event: Event) -> None:
        if isinstance(event.policy, Violation):
            self._write("policyEvent", {**_policy(event.policy), "enforcementLevel": event.policy.level, "message": event.policy.message})
        elif isinstance(event.policy, Remediation):
            before, after = (shown(inputs, show_secrets=False) for inputs in (event.policy.before, event.policy.after))
            self._write("policyRemediationEvent", {**_policy(event.policy), "before": before, "after": after})
        elif event.kind == "log":
            self._diagnose(event)
        else:
            self._step(event)

    def _step(self, event: Event) -> None:
        """The CLI has two steps for a replacement: the create, and a mark that is set once the delete or the create is done."""
        op, deleted_first = ("create-replacement", event.urn in self._deleted) if event.op == "replace" else (event.op, False)
        if event.kind == "resource-started":
            if deleted_first:
                self._write_step("resourcePreEvent", event, "replace")
            self._write_step("resourcePreEvent", event, op)
        elif event.kind == "resource-finished":
            self._write_step("resOutputsEvent", event, op)
            if op in _REPLACING and not deleted_first:
                self._write_step("resourcePreEvent", event, "replace")
            if op == "delete-replaced":
                self._deleted.add(event.urn)
        else:
            if not (self._planning or event.planning):  # nothing was tried
                self._write("resOpFailedEvent", {"metadata": _metadata(event, op), "status": 0, "steps": 0})
            self._diagnose(event)

    def end(self, result: Result) -> None:
        changes = {"resourceChanges": result.summary, "result": "failed" if result.exit_code else "succeeded"}
        self._write("summaryEvent", {"maybeCorrupt": False, "durationSeconds": int(result.seconds), "policyPacks": {}, **changes})
        self._write("cancelEvent", {})

    def _diagnose(self, event: Event) -> None:
        severity = _SEVERITY.get(event.severity, event.severity)
        said = {"message": event.message + "\n", "color": "never", "severity": severity}
        self._write("diagnosticEvent", {**({"urn": event.urn} if event.urn else {}), **said})

    def _write_step(self, kind: str, event: Event, op: str) -> None:
        self._write(kind, {"metadata": _metadata(event, op), "planning": self._planning or event.planning})

    def _write(self, kind: str, event: dict[str, Any]) -> None:
        self._sequence += 1
        entry = {"sequence": self._sequence, "timestamp": int(time.time()), kind: event}
        self._out.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._out.flush()


@contextmanager
def event_log(file: str | None, planning: bool) -> Iterator[EventLog | None]:
    """The log for one operation, in `file` made anew; None if there is to be none. Raises EngineError if it can't be written."""
    if file is None:
        yield None
        return
    try:
        Path(file).write_text("")
    except OSError as e:
        raise EngineError(f"--event-log {file}: {e.strerror}; name a file in a folder that can be written to") from e
    with Path(file).open("w", encoding="utf-8") as out:
        yield EventLog(out, planning)


def _metadata(event: Event, op: str) -> dict[str, Any]:
    return {"op": op, "urn": event.urn, "type": event.type, "old": None, "new": None}


def _policy(found: Violation | Remediation) -> dict[str, Any]:
    return {
        "resourceUrn": found.urn, "policyName": found.rule, "policyPackName": found.pack, "policyPackVersion": found.version,
        "policyPackVersionTag": found.version, "color": "never",
    }  # fmt: skip
