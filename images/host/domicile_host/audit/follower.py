"""Reads a journal that another process writes, from where a cursor stands, and notices whatever doesn't follow. Used by the shipper.

A record is given out only after it was synced, so nothing leaves the host that a power loss could still take from the journal and
give its sequence number to something else.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from domicile_host.audit import segments
from domicile_host.audit.record import GENESIS, Head, NotSealedError, Sealed, unseal

POLL_SECONDS = 0.1
LIST_SECONDS = 5.0

Kind = Literal["missing", "diverged", "restarted", "damaged", "foreign"]


@dataclass(frozen=True, slots=True)
class Fault:
    """Where a journal doesn't go on as it should.

    `missing`: records aren't there. `diverged`: other records stand where some were read before. `damaged`: a line's bytes don't have
    their hash. `foreign`: a record that doesn't name the journal's own source and host. `restarted`: the journal began anew with another
    chain, as after the host was provisioned anew; not a fault by itself.
    """

    kind: Kind
    expected: int
    found: int
    line: bytes = b""

    @property
    def missing(self) -> int:
        """How many records are known to be missing."""
        return max(0, self.found - self.expected) if self.kind in ("missing", "restarted") else 0


@dataclass(slots=True)
class Batch:
    """What was read at once. `head` is where a cursor stands once all of it is taken care of."""

    records: list[Sealed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


class Follower:
    """Follows the journal in `folder` after `head`; None begins at the oldest record there is."""

    def __init__(self, folder: Path, head: Head | None, host: str) -> None:
        """Doesn't touch the disk yet. The folder's name is the source; no other's records, nor another host's, are taken from it."""
        self.folder, self.head, self._host = folder, head, host
        self._file, self._position, self._placed = -1, 0, False
        self._ready: list[bytes] = []
        self._listed_at = 0.0
        self._asked, self._answered = 1, 0

    async def batch(self, most_records: int, most_bytes: int) -> Batch:
        """The next records, at least one or a fault; waits for them. Raises `OSError` where the folder can't be read."""
        while True:
            asked = self._asked
            if self._ready or self._grown():
                batch = await asyncio.to_thread(self._take, most_records, most_bytes)
                if batch.records or batch.faults:
                    return batch
            self._answered = asked
            await asyncio.sleep(POLL_SECONDS)

    def look_again(self) -> None:
        """Makes `at_end` false until the journal has been looked at once more."""
        self._asked += 1

    @property
    def at_end(self) -> bool:
        """Whether everything was given out that was there when `look_again` was called last."""
        return self._answered == self._asked

    def close(self) -> None:
        """Closes the segment."""
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def _grown(self) -> bool:
        """Whether there may be something to read; cheap, for it is asked all the time."""
        if not self._placed or os.fstat(self._file).st_size != self._position:
            return True
        if segments.path_of(self.folder, self._next()).exists():
            return True
        now = time.monotonic()
        if now - self._listed_at < LIST_SECONDS:
            return False
        self._listed_at = now
        return self._following() is not None

    def _next(self) -> int:
        return self.head.sequence + 1 if self.head else 1

    def _take(self, most_records: int, most_bytes: int) -> Batch:
        batch, taken = Batch(), 0
        if not self._placed:
            self._place(batch)
        while self._placed and len(batch.records) < most_records:
            if not self._ready:
                if self._read(batch):
                    continue
                break
            if taken and taken + len(self._ready[-1]) > most_bytes:
                break
            line = self._ready.pop()
            taken += len(line)
            self._judge(line, batch)
        return batch

    def _judge(self, line: bytes, batch: Batch) -> None:
        try:
            sealed = unseal(line)
        except NotSealedError:
            batch.faults.append(Fault("damaged", self._next(), self._next(), line))
            return
        if (sealed.record.host, sealed.record.source) != (self._host, self.folder.name):
            batch.faults.append(Fault("foreign", self._next(), self._next(), line))
            return
        if self.head is not None and not sealed.follows(self.head):
            batch.faults.append(self._gap(self.head, sealed.head))
        batch.records.append(sealed)
        self.head = sealed.head

    @staticmethod
    def _gap(before: Head, found: Head) -> Fault:
        if before.chain and found.chain != before.chain:
            return Fault("restarted", 1, found.sequence)
        kind: Kind = "missing" if found.sequence > before.sequence + 1 else "diverged"
        return Fault(kind, before.sequence + 1, found.sequence)

    def _read(self, batch: Batch) -> bool:
        """Reads what the segment has more; at its end goes on to the next, if that was there before the end was seen.

        Whether there was anything of either.
        """
        following = self._following()
        chunk = os.pread(self._file, segments.READ_BYTES, self._position)
        whole = chunk.rfind(b"\n") + 1
        if whole:
            os.fdatasync(self._file)
            self._position += whole
            self._ready = chunk[: whole - 1].split(b"\n")
            self._ready.reverse()
        elif len(chunk) == segments.READ_BYTES:  # no record is that long
            batch.faults.append(Fault("damaged", self._next(), self._next(), chunk[:1024]))
            self._position += len(chunk)
        elif os.fstat(self._file).st_size < self._position:
            self._lost(batch)  # the file was cut behind what was read
        elif following:
            if chunk:
                batch.faults.append(Fault("damaged", self._next(), self._next(), chunk))
            self._open(following, 0)
        else:
            return False
        return True

    def _following(self) -> Path | None:
        """The segment after the open one."""
        expected = segments.path_of(self.folder, self._next())
        if expected.exists() and not self._is_open(expected):
            return expected
        later = (path for path in segments.listed(self.folder) if segments.first_of(path) > self._next())
        return next((path for path in later if not self._is_open(path)), None)

    def _is_open(self, path: Path) -> bool:
        return self._file >= 0 and os.path.samestat(os.fstat(self._file), path.stat())

    def _open(self, segment: Path, position: int) -> None:
        self.close()
        self._file = os.open(segment, os.O_RDONLY | os.O_CLOEXEC)
        self._position, self._placed = position, True

    def _place(self, batch: Batch) -> None:
        """Opens the segment that holds the record after `head`, right there; the oldest where it holds none such."""
        files = segments.listed(self.folder)
        if not files:
            return
        if self.head is None or self.head == GENESIS:
            self._open(files[0], 0)
            return
        holding = [path for path in files if segments.first_of(path) <= self.head.sequence]
        if not holding:
            self._open(files[0], 0)  # what it begins with shows whether records are missing
            return
        for end, line in segments.lines(holding[-1]):
            if self._is_head(line):
                self._open(holding[-1], end)
                return
        self._lost(batch)

    def _is_head(self, line: bytes) -> bool:
        if self.head is None or self.head.hash.encode() not in line[-80:]:
            return False
        try:
            return unseal(line).head == self.head
        except NotSealedError:
            return False

    def _lost(self, batch: Batch) -> None:
        """What was read last isn't in the journal any more: begins again with the oldest record, so that nothing new is left out."""
        files = segments.listed(self.folder)
        opening = next((line for path in files[:1] for _, line in segments.lines(path)), None)
        try:
            found = unseal(opening or b"").head
        except NotSealedError:
            found = GENESIS
        if self.head is not None and opening is not None:
            restarted = found.chain != self.head.chain
            kind: Kind = "restarted" if restarted else "diverged"
            batch.faults.append(Fault(kind, 1 if restarted else self.head.sequence + 1, found.sequence))
            self.head = None
        if files and opening is not None:
            self._open(files[0], 0)
        else:
            self._placed = False
