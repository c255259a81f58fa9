"""Seals Envoy's access log into the journal `egress`, each line exactly once. Run by the shipper.

Every sealed line carries its origin: the file's inode, the offset of the line's end and a digest of the line. After a restart the last
origin in the journal says where to go on; no second place on disk has to agree with it. The log is never rewritten under Envoy: the space
of sealed lines is given back by punching holes, so no line can fall between a copy and a cut. A log that someone else rotates by renaming
is read to its end before its successor.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, ValidationError

from domicile_host.audit import segments
from domicile_host.audit.chain import ChainFailedError
from domicile_host.audit.envoy_events import event_of
from domicile_host.audit.event import Event
from domicile_host.audit.journal import Journal
from domicile_host.audit.record import unseal

POLL_SECONDS = 0.1
PUNCH_BYTES = 8 << 20
BLOCK_BYTES = 4096
_KEEP_SIZE, _PUNCH_HOLE = 1, 2  # linux/falloc.h

_Line = TypeAdapter(dict[str, JsonValue])
_STARTS = re.compile(rb'\{"')

log = structlog.get_logger("shipper")


class Origin(BaseModel):
    """Where a sealed line stood."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inode: int
    end: int = Field(description="offset of the line's end")
    line: str = Field(description="digest of the line")


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read at once; `ended` when the file will never hold more."""

    events: list[Event]
    position: int
    ended: bool


class EgressLog:
    """The tail of one access log."""

    def __init__(self, path: Path, journal: Journal) -> None:
        """`journal` is the only place that remembers how far the log was read."""
        self._path, self._journal = path, journal
        self._file, self._inode, self._position, self._punched = -1, 0, 0, 0
        self._placed = False
        self.reclaims = True
        self.last_error = ""

    async def run(self) -> None:
        """Seals what comes, until cancelled. Raises `ChainFailedError` where the journal has to be opened anew."""
        while True:
            try:
                moved = await self.take()
            except ChainFailedError:
                raise
            except OSError as error:  # a full disk is waited out: the log itself is the queue
                if str(error) != self.last_error:
                    log.warning("waiting", source="egress", reason=str(error))
                self.last_error = str(error)
                await asyncio.sleep(1.0)
                continue
            self.last_error = ""
            if not moved:
                await asyncio.sleep(POLL_SECONDS)

    async def take(self) -> bool:
        """Seals the next lines; whether there were any. Raises `OSError`: then nothing has moved."""
        if not self._placed:
            lost = await asyncio.to_thread(self._place)
            if lost:
                await self._journal.append(lost)
            self._placed = True
        if self._file >= 0 and os.fstat(self._file).st_size == self._position and self._is_current():
            return False
        read = await asyncio.to_thread(self._read)
        if read.events:
            await self._journal.append_all(read.events)
        moved, self._position = read.position != self._position, read.position
        if read.ended:
            await asyncio.to_thread(self._open_next)
        await asyncio.to_thread(self._punch)
        return moved or read.ended

    def close(self) -> None:
        """Closes the log."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _read(self) -> _Read:
        """The events of the lines after the position, and the position after them."""
        if self._file < 0 and not self._open_next():
            return _Read([], self._position, False)
        ended = not self._is_current() and self._successor() is not None
        if os.fstat(self._file).st_size < self._position:
            self._punched = 0
            cut = Event(activity="egress.log-cut", outcome="failure", reason="the access log was cut behind what was read")
            return _Read([cut], 0, False)
        chunk = os.pread(self._file, segments.READ_BYTES, self._position)
        whole = chunk.rfind(b"\n") + 1
        if not whole and (ended or len(chunk) == segments.READ_BYTES):
            whole = len(chunk)  # a last line that will never be ended, or bytes that are no line
        return _Read(
            list(self._events(chunk[:whole])), self._position + whole, ended and not chunk[whole:] and len(chunk) < segments.READ_BYTES
        )

    def _events(self, chunk: bytes) -> Iterator[Event]:
        begin = self._position
        for line in chunk.split(b"\n"):
            if line.strip(b"\0"):
                yield from _parsed(line, self._inode, begin)
            begin += len(line) + 1

    def _is_current(self) -> bool:
        """Whether the open file is still the one that Envoy's path names."""
        try:
            return self._path.stat().st_ino == self._inode
        except FileNotFoundError:
            return True  # renamed, and nothing in its place yet: Envoy still writes to it

    def _successor(self) -> Path | None:
        """The file to read once the open one has ended: the next that was rotated, else the log, once Envoy has written to it."""
        age = os.fstat(self._file).st_mtime_ns if self._file >= 0 else -1
        for path in _files(self._path):
            state = path.stat()
            if state.st_ino != self._inode and state.st_mtime_ns >= age and (state.st_size or path != self._path):
                return path
        return None

    def _open_next(self) -> bool:
        following = self._successor()
        if following is None:
            return False
        self._open(following, 0)
        return True

    def _open(self, path: Path, position: int) -> None:
        self.close()
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._inode, self._punched = os.fstat(self._file).st_ino, 0
        self._position = position or _data(self._file)

    def _place(self) -> Event | None:
        """Goes to where the last sealed line ended; without one, to the start of the oldest file. The event tells of a log that is gone."""
        found = last_origin(self._journal.folder)
        files = _files(self._path)
        if found is None:
            if files:
                self._open(files[0], 0)
            return None
        last, time_milliseconds = found
        for path in files:
            if path.stat().st_ino == last.inode and _holds(path, last):
                self._open(path, last.end)
                return None
        for path in files:
            if path.stat().st_mtime_ns >= time_milliseconds * 1_000_000:
                self._open(path, 0)
                break
        reason = "the access log that was read last is gone; what it held unread is lost"
        return Event(activity="egress.log-gone", outcome="failure", reason=reason, detail={"inode": last.inode, "end": last.end})

    def _punch(self) -> None:
        """Gives the disk space of sealed lines back, all but the block of the last one, by which a restart knows its place."""
        until = (self._position - segments.READ_BYTES) // BLOCK_BYTES * BLOCK_BYTES
        if not self.reclaims or self._file < 0 or until - self._punched < PUNCH_BYTES:
            return
        try:
            _punch_hole(Path(f"/proc/self/fd/{self._file}"), self._punched, until - self._punched)
        except OSError as error:
            self.reclaims = False  # the log then only grows; records aren't touched by it
            log.warning("egress-log-grows", path=str(self._path), reason=str(error))
        self._punched = until


def last_origin(folder: Path) -> tuple[Origin, int] | None:
    """The origin of the last sealed line in the journal `folder`, with the time that the line told."""
    for segment in reversed(segments.listed(folder)):
        found = None
        for _, line in segments.lines(segment):
            found = line if b'"origin":{' in line else found
        if found:
            record = unseal(found).record
            return Origin.model_validate(record.detail["origin"]), record.time
    return None


def _parsed(line: bytes, inode: int, begin: int) -> Iterator[Event]:
    """The events of the line at `begin`. A killed Envoy may leave the start of a line before a whole one; both are recorded."""
    for start in [0, *(found.start() for found in _STARTS.finditer(line, 1))][:64]:
        try:
            event = event_of(_Line.validate_json(line[start:]), _origin(line, inode, begin, 1))
        except ValidationError:  # the proxy reads hostile bytes, so its log may hold anything; what is no event is recorded as that
            continue
        if line[:start].strip(b"\0"):
            yield _unreadable(line[:start], _origin(line[:start], inode, begin))
        yield event
        return
    yield _unreadable(line, _origin(line, inode, begin, 1))


def _origin(line: bytes, inode: int, begin: int, newline: int = 0) -> dict[str, JsonValue]:
    return {"inode": inode, "end": begin + len(line) + newline, "line": _digest(line)}


def _unreadable(line: bytes, where: dict[str, JsonValue]) -> Event:
    detail: dict[str, JsonValue] = {
        "bytes": len(line),
        "sha256": hashlib.sha256(line).hexdigest(),
        "start": line[:200].decode(errors="replace"),
        "origin": where,
    }
    return Event(activity="egress.unreadable", outcome="failure", reason="a torn line in the access log", detail=detail)


def _files(path: Path) -> list[Path]:
    """The log and what was rotated off it, oldest first, the log itself last."""
    try:
        rotated = [found for found in path.parent.iterdir() if found.name.startswith(f"{path.name}.") and found.is_file()]
    except FileNotFoundError:
        return []
    return [*sorted(rotated, key=lambda found: found.stat().st_mtime_ns), *([path] if path.exists() else [])]


def _holds(path: Path, origin: Origin) -> bool:
    """Whether the line that ended at the origin is still there: an inode's number may have been given to another file."""
    start = max(0, origin.end - segments.READ_BYTES)
    with path.open("rb") as file:
        file.seek(start)
        before = file.read(origin.end - start)
    line = before[before.rfind(b"\n", 0, -1) + 1 :]
    return start + len(before) == origin.end and _digest(line) == origin.line


def _digest(line: bytes) -> str:
    return hashlib.sha256(line.strip(b"\n\0")).hexdigest()[:16]


def _data(descriptor: int) -> int:
    """Where a file's content begins: after the hole that was punched into it, if any."""
    try:
        return os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError:
        return 0


def _punch_hole(path: Path, start: int, length: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if libc.fallocate(descriptor, _KEEP_SIZE | _PUNCH_HOLE, ctypes.c_long(start), ctypes.c_long(length)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
