"""How long records are kept, and whom alarms reach."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field, model_validator

from domicile.config.faults import Objection, refuse
from domicile.config.section import Duration, Section, repeated

LOG_DAYS = (365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Retentions of a year or more that CloudWatch Logs has (CloudWatch Logs API: PutRetentionPolicy)."""


class Retention(Section):
    """Compliance mode: nobody, root included, shortens it or deletes a record before its time."""

    archive_years: int = Field(7, ge=1, le=30, description="Object Lock (compliance) of the audit archive")
    log_days: int = Field(400, description="flow logs, resolver query logs and the services' own logs")

    @model_validator(mode="after")
    def _offered(self) -> Retention:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        if self.log_days not in LOG_DAYS:
            nearest = next((days for days in LOG_DAYS if days >= self.log_days), LOG_DAYS[-1])
            allowed = "a year or more, as CloudWatch Logs offers: " + ", ".join(map(str, LOG_DAYS))
            yield Objection(("logDays",), allowed, f"set `logDays: {nearest}`")


class Alarms(Section):
    """When somebody is told."""

    subscribers: tuple[str, ...] = Field((), description="mail addresses told of alarms; each confirms once")
    key_age_seconds: Duration = Field(90 * 86_400, ge=86_400, description="age of the environment key at which rotation is due")
    oldest_item_seconds: Duration = Field(300, ge=30, le=86_400, description="age of the oldest work item that nobody took")
    drill_seconds: Duration = Field(
        6 * 3600,
        ge=3600,
        le=86_400,
        description="how often each worker host holds a drill; the alarm is one that failed, or none passed in two",
    )
    runbook: str = Field("docs/RUNBOOK.md", min_length=1, max_length=300, description="where an alarm's text sends the reader")

    @model_validator(mode="after")
    def _reachable(self) -> Alarms:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        for place, address in enumerate(self.subscribers):
            if not re.fullmatch(r"[^@\s]{1,64}@([a-z0-9-]+\.)+[a-z]{2,63}", address):
                yield Objection(("subscribers", place), "a mail address", "write for example `oncall@example.com`")
        for again, first in repeated(self.subscribers):
            yield Objection(("subscribers", again), "each address once", f"remove it: subscribers[{first}] is the same")
