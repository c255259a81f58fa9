"""What the gateway writes into the audit journal: calls as the control plane said them, results as they went, refusals.

Used by `session` and `sandbox_side`. Tool inputs and outputs appear as `audit.content` says.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Literal

import structlog
from pydantic import JsonValue

from domicile_host.audit.event import Event, Outcome, Recorder
from domicile_host.gateway import strict_json
from domicile_host.gateway.binding import Binding
from domicile_host.gateway.metrics import Metrics
from domicile_host.gateway.refusal import Unavailable

Content = Literal["digest", "full", "none"]
Entry = tuple[str, Outcome, Mapping[str, JsonValue]]
"""Activity, outcome and detail of a record."""
log = structlog.get_logger("gateway")


class Records:
    """The gateway's way to the journal."""

    def __init__(self, recorder: Recorder, content: Content, metrics: Metrics) -> None:
        self._recorder = recorder
        self._content = content
        self._metrics = metrics
        self.healthy = True
        """Whether the last record could be written."""

    async def write(
        self, activity: str, outcome: Outcome, detail: Mapping[str, JsonValue], binding: Binding | None = None, reason: str = ""
    ) -> None:
        """Returns when the record is durable. Raises `Unavailable` if it can't be: what it tells of must then not happen."""
        try:
            await self._recorder.append(_event(activity, outcome, detail, binding, reason))
        except OSError as error:
            raise self._failed(error) from error
        self.healthy = True

    async def write_all(self, entries: Sequence[Entry], binding: Binding) -> None:
        """`write` for several at once; a journal makes them durable together. Raises `Unavailable` if one can't be."""
        done = await asyncio.gather(
            *(self._recorder.append(_event(activity, outcome, detail, binding, "")) for activity, outcome, detail in entries),
            return_exceptions=True,
        )
        for error in done:
            if isinstance(error, OSError):
                raise self._failed(error) from error
            if error is not None:
                raise error
        self.healthy = True

    def _failed(self, error: OSError) -> Unavailable:
        self.healthy = False
        self._metrics.journal_failures.inc()
        log.error("journal-failed", error=str(error))
        return Unavailable("journal", 503, "the audit journal can't be written, so nothing passes; ask again")

    def content(self, value: JsonValue) -> dict[str, JsonValue]:
        """A tool call's input or output as records hold it."""
        if self._content == "none":
            return {}
        if self._content == "full":
            plain: JsonValue = json.loads(strict_json.serialise(value).decode("utf-8", "replace"))
            return {"content": plain}
        return {"sha256": strict_json.digest(value), "bytes": len(strict_json.serialise(value))}


def _event(activity: str, outcome: Outcome, detail: Mapping[str, JsonValue], binding: Binding | None, reason: str) -> Event:
    return Event(
        activity=activity,
        outcome=outcome,
        reason=reason,
        session_id=binding.session_id if binding else "",
        work_id=binding.work_id if binding else "",
        sandbox_id=binding.sandbox_id if binding else "",
        detail=detail,
    )
