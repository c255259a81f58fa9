"""Reads the records of journals and archives as they stand: for `domicile session`, `audit verify` and who else wants them."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from domicile_host.audit import segments
from domicile_host.audit.record import GENESIS, Head, Record, Sealed, unseal

_NAME = re.compile(r"^[a-z][a-z0-9-]*$")


def read(folder: Path, from_sequence: int = 1) -> Iterator[Sealed]:
    """The records of one source in `folder` from `from_sequence` on, in their order.

    Each is held against its hash (`NotSealedError`), but not against its neighbours: that is `verify`'s work.
    """
    files = segments.listed(folder)
    for segment, following in zip_longest(files, files[1:]):
        if following and segments.first_of(following) <= from_sequence:
            continue
        for _, line in segments.lines(segment):
            sealed = unseal(line)
            if sealed.head.sequence >= from_sequence:
                yield sealed


def sources(folder: Path) -> list[str]:
    """The sources that have a folder in `folder`: a journal's or an archive's."""
    try:
        return sorted(entry.name for entry in folder.iterdir() if _NAME.match(entry.name) and entry.is_dir())
    except FileNotFoundError:
        return []


def head_of(folder: Path) -> Head:
    """The last whole record of one source in `folder`; `GENESIS` where there is none. Raises `NotSealedError`."""
    for segment in reversed(segments.listed(folder)):
        line = segments.last_line(segment)
        if line is not None:
            return unseal(line).head
    return GENESIS


def records(*folders: Path, session_id: str | None = None) -> Iterator[Record]:
    """The records of all sources in `folders` (of journals, of an archive, or both), by time, each id once.

    `session_id` leaves those of one session only.
    """
    streams = [_of_source(folder / source, session_id) for folder in folders for source in sources(folder)]
    seen: set[str] = set()
    for record in heapq.merge(*streams, key=lambda record: record.time):
        if record.id not in seen:
            seen.add(record.id)
            yield record


def pick(*folders: Path, session_id: str) -> list[Record]:
    """What is recorded of one session, by time."""
    return sorted(records(*folders, session_id=session_id), key=lambda record: (record.time, record.source, record.sequence))


def _of_source(folder: Path, session_id: str | None) -> Iterator[Record]:
    wanted = session_id.encode() if session_id else b""
    for sealed in read(folder):
        if session_id is None or (wanted in sealed.line and sealed.record.session_id == session_id):
            yield sealed.record
