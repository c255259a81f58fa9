"""The journal: where a service's events become sealed records on disk before it goes on. One folder and one writer a source.

Dispatcher and gateway hold one each; the shipper holds the one of Envoy's access log (`egress`) and its own (`shipper`).
Many appends at once share one sync of the disk: while one batch is being written off the event loop, the next gathers.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from domicile_host.audit.chain import Chain
from domicile_host.audit.event import Event
from domicile_host.audit.reader import read
from domicile_host.audit.record import Head, Origin, Record, Sealed, seal
from domicile_host.audit.segments import Torn
from domicile_host.settings import HostSettings

SEGMENT_BYTES = 8 << 20
FOLDER_MODE = 0o2770
"""Of a folder that isn't there yet: its group, which the shipper is in, may remove segments that every sink has confirmed."""
BATCH_EVENTS = 1024


class JournalClosedError(OSError):
    """The journal was closed before this event could be put into it."""


class _Waiting(NamedTuple):
    events: Sequence[Event]
    time_milliseconds: int
    done: asyncio.Future[None]


class Journal:
    """An open journal (a `Recorder`). Made by `open`; for the event loop that opened it only."""

    def __init__(self, chain: Chain, origin: Origin, thread: ThreadPoolExecutor) -> None:
        """Used by `open`."""
        self._chain, self._origin, self._thread = chain, origin, thread
        self._waiting: list[_Waiting] = []
        self._committing: asyncio.Task[None] | None = None
        self._closed = False

    @classmethod
    async def open(cls, folder: Path, source: str, host: str, *, stack: str = "", segment_bytes: int = SEGMENT_BYTES) -> Journal:
        """Opens the journal of `source` in `folder`, making it where there is none.

        A line torn by a killed writer is cut off to a side file and recorded as `journal.recovered`.
        Raises `ChainBrokenError` where the records on disk aren't one chain, `ChainLockedError` where another process writes, `OSError`.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix=f"journal-{source}")
        try:
            chain = await asyncio.get_running_loop().run_in_executor(thread, _opened, folder, segment_bytes)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        journal = cls(chain, Origin(stack, host, source), thread)
        if chain.torn:
            await journal._record_torn(chain.torn)
        return journal

    @classmethod
    async def of(cls, settings: HostSettings, source: str) -> Journal:
        """Opens the journal of `source` at the place that `settings` names."""
        return await cls.open(settings.audit.journal / source, source, settings.host, stack=settings.stack)

    @property
    def folder(self) -> Path:
        """Where the segments are."""
        return self._chain.folder

    @property
    def head(self) -> Head:
        """The last record that is on disk."""
        return self._chain.head

    async def append(self, event: Event) -> None:
        """Returns when the record is on disk. Raises `OSError` (disk full, for one): then it isn't, and the journal goes on without it."""
        await self.append_all((event,))

    async def append_all(self, events: Sequence[Event]) -> None:
        """As `append`, for several that belong together: all of them or none, in this order with no other in between."""
        if self._closed:
            raise JournalClosedError(f"{self.folder}: the journal is closed")
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(events, time.time_ns() // 1_000_000, done))
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_all())
        await done

    def read(self, from_sequence: int = 1) -> Iterator[Record]:
        """The records on disk from `from_sequence` on. Raises as `domicile_host.audit.reader.read`."""
        return (sealed.record for sealed in read(self.folder, from_sequence))

    async def close(self) -> None:
        """Waits for what was appended, then lets another writer in."""
        self._closed = True
        if self._committing:
            await self._committing
        await asyncio.get_running_loop().run_in_executor(self._thread, self._chain.close)
        self._thread.shutdown(wait=False)

    async def _record_torn(self, torn: Torn) -> None:
        what = f"{torn.length} bytes of a record that was never confirmed were cut off the end"
        try:
            await self.append(Event(activity="journal.recovered", reason=what, detail=asdict(torn)))
        except BaseException:
            await self.close()
            raise

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH_EVENTS], self._waiting[BATCH_EVENTS:]
            try:
                await loop.run_in_executor(self._thread, self._commit, batch)
            except Exception as error:  # whatever it is, those who wait for their records must hear of it, and do
                _settle(batch, error)
            else:
                _settle(batch, None)
        self._committing = None

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        """Seals and writes, in the journal's thread: the head moves only with what the disk has confirmed."""
        records: list[Sealed] = []
        head = self._chain.head
        for waiting in batch:
            for event in waiting.events:
                records.append(seal(event, head, self._origin, waiting.time_milliseconds))
                head = records[-1].head
        self._chain.append(records)


def _opened(folder: Path, segment_bytes: int) -> Chain:
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(FOLDER_MODE)
    return Chain(folder, segment_bytes)


def _settle(batch: Sequence[_Waiting], error: Exception | None) -> None:
    for waiting in batch:
        if waiting.done.done():
            continue  # its caller was cancelled
        if error is None:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(error)
