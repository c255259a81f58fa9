"""What the host's services say happened; the journal seals it into a record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue

Outcome = Literal["success", "failure", "allowed", "refused"]


class Event(BaseModel):
    """One thing that happened, as a service tells it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    activity: str = Field(pattern=r"^[a-z]+(\.[a-z-]+)+$", description="what was done, as in `session.claimed` or `gateway.call`")
    outcome: Outcome = "success"
    reason: str = Field("", description="why it was refused or failed, with the rule's name where there is one")
    session_id: str = ""
    work_id: str = ""
    sandbox_id: str = Field("", description="the sandbox's container name")
    time: int | None = Field(None, description="when it happened, in milliseconds since 1970; unset: when it is put into the journal")
    detail: Mapping[str, JsonValue] = Field(
        default_factory=dict, description="the rest, by activity; no secret, no content beyond `audit.content`"
    )


class Recorder(Protocol):
    """Where a service puts its events: a journal."""

    async def append(self, event: Event) -> None:
        """Returns when the record is on disk. Raises `OSError` if it can't be: the caller then refuses what it was about to do."""
