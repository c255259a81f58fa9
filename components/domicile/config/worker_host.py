"""The worker host: how many sandboxes it serves, how they run, and what one session may use."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from domicile.config.amounts import duration_text
from domicile.config.faults import ConfigRefusedError, Objection
from domicile.config.section import Section, duration, size
from domicile_host import settings


class Limits(Section, settings.Limits):
    """What one session may use. Sizes and durations carry their units: `memory: 1GiB`, `session: 8h`."""

    @field_validator("memory_bytes", "workspace_bytes", "tmp_bytes", mode="before")
    @classmethod
    def _size(cls, value: object) -> object:
        return size(value)

    @field_validator("session_seconds", "idle_seconds", mode="before")
    @classmethod
    def _duration(cls, value: object) -> object:
        return duration(value)

    @model_validator(mode="after")
    def _idle_within_session(self) -> Limits:
        if self.idle_seconds > self.session_seconds:
            longest = duration_text(self.session_seconds)
            raise ConfigRefusedError(
                Objection(("idle",), f"at most the session's {longest}", f"set `idle` to {longest} or less, or raise `session`")
            )
        return self


class WorkerHost(Section):
    """One machine with the four host services and any number of sandboxes."""

    name: settings.Name = Field(
        "host-1", description="the worker id at the control plane and the source of audit records", examples=["host-1"]
    )
    capacity: int = Field(8, ge=1, le=1000, description="sessions served at once")
    warm: int = Field(2, ge=0, le=100, description="sandboxes kept ready beside the live ones")
    runtime: Literal["runc", "crun", "runsc", "kata"] = Field(
        "runc", description="what runs sandboxes: runc and crun share the machine's kernel; runsc (gVisor) and kata bring one of their own"
    )
    limits: Limits = Field(Limits(), description="what one session may use")
