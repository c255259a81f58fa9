"""The dispatcher's ledger: every sandbox it has made and every session in hand, on disk, so that a restart can go on.

One file a sandbox, written whole and synced before what it tells of is done, removed when nothing of the sandbox is left.
A session's token and capability stand in it sealed (`item_secrets`).
"""

from __future__ import annotations

import asyncio
import os
from ipaddress import IPv4Address
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

log = structlog.get_logger(__name__)


class Line(BaseModel):
    """Part of the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Held(Line):
    """A claimed session, and what the control plane last said about its lease."""

    session_id: str
    work_id: str
    environment_id: str
    sealed: str
    """The item's secrets, as `item_secrets.Seal` made it."""
    claimed_at: float
    """Unix time, from which the session's time limit runs."""
    acked: bool = False
    admitted: bool = False
    """Envoy has confirmed the session's address, and keeps it while no dispatcher says otherwise."""
    last_heartbeat: str | None = None
    """The control plane's own string, sent back as it is; None before the first heartbeat."""
    beat_at: float | None = None
    """Unix time of the last good heartbeat."""
    ttl_seconds: float | None = None
    lost: bool = False
    """The lease was lost: no `stop` is posted any more."""


class Entry(Line):
    """One sandbox; `held` when it has a session."""

    sandbox_id: str
    address: IPv4Address
    made_at: float
    container_id: str | None = None
    held: Held | None = None


class Ledger:
    """A folder with one `<sandbox id>.json` for each entry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def entries(self) -> list[Entry]:
        """What was in hand. A file that isn't whole is left where it is and reported: it proves nothing."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                found.append(Entry.model_validate_json(path.read_bytes()))
            except ValidationError as error:
                log.error("ledger.unreadable", file=path.name, problems=error.error_count())
        for path in self._folder.glob("*.part"):
            path.unlink()
        return found

    async def put(self, entry: Entry) -> None:
        """Returns when the entry is on disk."""
        await asyncio.to_thread(self._put, entry)

    async def remove(self, sandbox_id: str) -> None:
        await asyncio.to_thread(self._remove, sandbox_id)

    def _put(self, entry: Entry) -> None:
        path = self._folder / f"{entry.sandbox_id}.json"
        write_whole(path, entry.model_dump_json().encode(), mode=0o600, sync=True)

    def _remove(self, sandbox_id: str) -> None:
        (self._folder / f"{sandbox_id}.json").unlink(missing_ok=True)
        _sync(self._folder)


def write_whole(path: Path, content: bytes, *, mode: int, sync: bool) -> None:
    """Puts a file in place in one step: a reader sees the old content or the new, never a part."""
    part = path.with_name(path.name + ".part")
    with open(part, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        file.flush()
        if sync:
            os.fsync(file.fileno())
    part.replace(path)
    if sync:
        _sync(path.parent)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
