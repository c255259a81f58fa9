"""The retained archive: a copy of every journal that outlives the journals. Written by the shipper, read by `audit verify`.

    <archive>/<source>/<time of the chain's first record>-<chain>/
        00000000000000000001.jsonl    sealed records, as in the journal; closed segments are read-only
        manifest.jsonl                one line a closed segment: name, first and last sequence, size, SHA-256, last hash

A segment is closed when it is full and when the shipper stops. Closed segments lose their write bits, and where the shipper may
(`CAP_LINUX_IMMUTABLE`, and a file system that has the flag) they become immutable; `Archive.protection` says which of the two it is.
"""

from __future__ import annotations

import array
import asyncio
import fcntl
import hashlib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from domicile_host.audit import segments
from domicile_host.audit.chain import Chain
from domicile_host.audit.record import Head, Sealed
from domicile_host.audit.sinks import Answer, UnavailableError

SEGMENT_BYTES = 32 << 20
MANIFEST = "manifest.jsonl"
_GETFLAGS, _SETFLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IMMUTABLE_FL

Protection = Literal["none yet", "read-only mode", "immutable flag"]


class Closed(BaseModel):
    """A line of a manifest: one closed segment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment: str
    first: int
    last: int
    records: int
    bytes: int
    sha256: str
    last_hash: str


class Archive:
    """One journal's archive, as a destination of the shipper. Everything it confirms is on disk."""

    name, kind = "archive", "archive"
    most_records, most_bytes, window = 1000, 1 << 20, 1

    def __init__(self, folder: Path) -> None:
        """Opens the newest chain of a source's `folder`. Raises `ChainBrokenError`, `ChainLockedError`, `OSError`."""
        self._folder = folder
        self._chain: Chain | None = None
        self.protection: Protection = "none yet"
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        if newest := chains(folder)[-1:]:
            self._open(newest[0])

    @property
    def head(self) -> Head | None:
        """The last record that is archived."""
        return self._chain.head if self._chain and self._chain.head.sequence else None

    def advance(self, head: Head) -> None:
        """Nothing: the archive is its own cursor."""

    async def send(self, records: Sequence[Sealed]) -> Answer:
        """Appends `records`; those that don't continue the newest chain begin another. Raises `UnavailableError` while the disk won't."""
        try:
            await asyncio.to_thread(self._append, records)
        except OSError as error:
            raise UnavailableError(f"{self._folder}: {error.strerror or error}") from error
        return Answer()

    async def close(self) -> None:
        """Closes the last segment, so that the archive is complete by itself."""
        await asyncio.to_thread(self._close)

    def _append(self, records: Sequence[Sealed]) -> None:
        archived = next((index for index, record in enumerate(records) if record.head == self.head), -1)
        head, start = self.head, archived + 1  # what an earlier try wrote before it failed isn't written twice
        for index in range(start, len(records)):
            record = records[index]
            if head is None or head.chain != record.head.chain or record.head.sequence <= head.sequence:
                self._write(records[start:index])
                self._begin(record)
                start = index
            head = record.head
        self._write(records[start:])

    def _write(self, records: Sequence[Sealed]) -> None:
        if records and self._chain:
            segment = self._chain.segment
            self._chain.append(records)
            if segment not in (None, self._chain.segment):
                self._close_segments(self._chain.folder, but_last=True)

    def _begin(self, record: Sealed) -> None:
        self._close()
        name = f"{record.record.time:015}-{record.head.chain}"
        again = len([path for path in chains(self._folder) if path.name.startswith(name)])
        self._open(self._folder / (f"{name}.{again + 1}" if again else name))
        segments.sync_folder(self._folder)

    def _open(self, folder: Path) -> None:
        self._chain = Chain(folder, SEGMENT_BYTES, segments.recover_copy)
        self._close_segments(folder, but_last=True)

    def _close(self) -> None:
        if self._chain:
            folder = self._chain.folder
            self._chain.close()
            self._chain = None
            self._close_segments(folder, but_last=False)

    def _close_segments(self, folder: Path, *, but_last: bool) -> None:
        """Closes what is full, and ends what a kill interrupted: first the bits, then the line in the manifest."""
        known = {closed.segment for closed in manifest(folder)}
        files = segments.listed(folder)
        for segment in files:
            if segments.is_open(segment) and not (but_last and segment is files[-1]) and segment.stat().st_size:
                _protect(segment)
            if not segments.is_open(segment) and segment.name not in known:
                _list(folder, _described(segment))
        closed = [segment for segment in files if not segments.is_open(segment)]
        if closed:
            self.protection = _protection(closed[-1])


def chains(folder: Path) -> list[Path]:
    """The chains in a source's archive, oldest first."""
    return sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []


def manifest(folder: Path) -> list[Closed]:
    """What a chain's manifest says is closed. Raises `ValueError` for a damaged one."""
    path = folder / MANIFEST
    return [Closed.model_validate_json(line) for _, line in segments.lines(path)] if path.exists() else []


def _described(segment: Path) -> Closed:
    digest, count, last = hashlib.sha256(), 0, b""
    for _, line in segments.lines(segment):
        digest.update(line + b"\n")
        count, last = count + 1, line
    head = segments.head_of(segment, last)
    return Closed(
        segment=segment.name,
        first=segments.first_of(segment),
        last=head.sequence,
        records=count,
        bytes=segment.stat().st_size,
        sha256=digest.hexdigest(),
        last_hash=head.hash,
    )


def _list(folder: Path, closed: Closed) -> None:
    path = folder / MANIFEST
    if path.exists():
        whole = max((end for end, _ in segments.lines(path)), default=0)
        os.truncate(path, whole)  # a kill may have left a torn line
    with path.open("ab") as file:
        file.write(closed.model_dump_json().encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    segments.sync_folder(folder)


def _protect(segment: Path) -> None:
    """Takes the write bits off a segment, and makes it immutable where that is possible."""
    segment.chmod(0o440)
    with segment.open("rb") as file, suppress(OSError):  # no such flag here, or no right to set it: `_protection` tells which it is
        flags = _flags(file.fileno())
        flags[0] |= _IMMUTABLE
        fcntl.ioctl(file.fileno(), _SETFLAGS, flags)


def _protection(segment: Path) -> Protection:
    """How a closed segment is kept from being changed."""
    with segment.open("rb") as file:
        try:
            return "immutable flag" if _flags(file.fileno())[0] & _IMMUTABLE else "read-only mode"
        except OSError:  # a file system without flags
            return "read-only mode"


def _flags(descriptor: int) -> array.array[int]:
    flags = array.array("L", [0])
    fcntl.ioctl(descriptor, _GETFLAGS, flags)
    return flags
