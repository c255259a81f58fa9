"""What a sink has confirmed, durably: a cursor for each sink and journal, and the records that a sink would not take.

`<cursors>/<sink>/<source>.json` is the cursor; `<cursors>/<sink>/<source>.refused.jsonl` holds refused records whole.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domicile_host.audit import segments
from domicile_host.audit.record import Head


class Confirmed(BaseModel):
    """A cursor on disk: the last record up to which everything is confirmed or among the refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chain: str
    sequence: int
    hash: str


class Cursor:
    """One sink's place in one journal."""

    def __init__(self, path: Path) -> None:
        """Reads the cursor; one that isn't there yet begins at the oldest record. Raises `ValueError` (damaged), `OSError`."""
        self._path = path
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self.head = read_cursor(path)

    def advance(self, head: Head) -> None:
        """Returns when the new place is on disk."""
        text = Confirmed(chain=head.chain, sequence=head.sequence, hash=head.hash).model_dump_json()
        new = self._path.with_suffix(".new")
        with new.open("w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        segments.sync_folder(self._path.parent)
        self.head = head


def read_cursor(path: Path) -> Head | None:
    """The place that a cursor's file names; None where there is none. Raises `ValueError` for a damaged one, `OSError`."""
    try:
        confirmed = Confirmed.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    return Head(confirmed.sequence, confirmed.hash, confirmed.chain)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A line that a sink refused, or that isn't a whole record any more."""

    id: str
    sequence: int
    reason: str
    line: bytes


class DeadLetters:
    """Records refused by one sink, of one journal: kept whole until someone looks. Each id once, also after a kill."""

    def __init__(self, path: Path) -> None:
        """Reads the ids that are there. Raises `OSError`."""
        self._path = path
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._ids = {json.loads(line)["id"] for _, line in segments.lines(path)} if path.exists() else set()

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, identity: str) -> bool:
        return identity in self._ids

    def add(self, letter: DeadLetter) -> None:
        """Returns when it is on disk."""
        if letter.id in self._ids:
            return
        entry = {
            "id": letter.id,
            "sequence": letter.sequence,
            "reason": letter.reason,
            "at": time.time_ns() // 1_000_000,
            "line": letter.line.decode(errors="backslashreplace"),
        }
        with self._path.open("ab") as file:
            end = file.tell()
            self._trim(end)
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        segments.sync_folder(self._path.parent)
        self._ids.add(letter.id)

    def _trim(self, end: int) -> None:
        """Ends a line that a kill left torn, so that it doesn't swallow the next."""
        if not end:
            return
        with self._path.open("rb+") as file:
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                whole = max((line_end for line_end, _ in segments.lines(self._path)), default=0)
                file.truncate(whole)
