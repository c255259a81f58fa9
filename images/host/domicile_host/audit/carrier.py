"""Carries one journal to one destination: reads on from its cursor, offers batches, and moves the cursor by what was confirmed.

Used by the shipper: one carrier for each pair of journal and destination, so that no destination waits for another.
A record leaves the queue in two ways only: the destination confirmed it, or it is on disk among the refused. A record counts as refused
when the destination turned it down by itself `REFUSALS` times and took others meanwhile; as long as it takes none, the trouble is its own,
and everything waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import structlog

from domicile_host.audit.cursor import DeadLetter, DeadLetters
from domicile_host.audit.event import Event
from domicile_host.audit.follower import Batch, Fault, Follower
from domicile_host.audit.record import Head, Sealed
from domicile_host.audit.sinks import RefusedError, Sink, UnavailableError

REFUSALS = 3
UNHELPFUL = 24
"""After so many refusals with nothing taken, a batch isn't split further: the sink refuses everything."""
FIRST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 0.2, 30.0

log = structlog.get_logger("shipper")
Tell = Callable[[Event], Awaitable[None]]


class Place(Protocol):
    """Where a destination stands, durably: a sink's `Cursor`, or the archive itself."""

    @property
    def head(self) -> Head | None:
        """The last record that is taken care of."""

    def advance(self, head: Head) -> None:
        """Returns when the new place is on disk."""


@dataclass(slots=True)
class Tally:
    """What a carrier has done since the shipper started; the status and the metrics show it."""

    confirmed: int = 0
    retries: int = 0
    refused: int = 0
    missing: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    last_error: str = ""


@dataclass(slots=True)
class Pulse:
    """Whether a destination takes anything at all: shared by its carriers."""

    confirmed: int = 0


class _Offered:
    """A batch on its way: what isn't settled yet, by place, and how often each was refused by itself."""

    def __init__(self, records: Sequence[Sealed]) -> None:
        self.pending = dict(enumerate(records))
        self.refusals: dict[int, int] = {}
        self.reasons: dict[int, str] = {}


class Carrier:
    """One journal on its way to one destination."""

    def __init__(self, source: str, sink: Sink, place: Place, follower: Follower, dead: DeadLetters, pulse: Pulse, tell: Tell) -> None:
        """`tell` puts an event into the shipper's own journal."""
        self.source, self.sink, self.place, self.follower, self.dead = source, sink, place, follower, dead
        self._pulse, self._tell = pulse, tell
        self.tally = Tally()
        self._window = asyncio.Semaphore(sink.window)
        self._moving = 0

    async def run(self) -> None:
        """Carries until cancelled. Raises only what is a mistake in the program."""
        moving: asyncio.Queue[tuple[Batch, asyncio.Task[None]]] = asyncio.Queue()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._move(moving))
                while True:
                    await self._window.acquire()
                    batch = await self._next()
                    self._moving += 1
                    moving.put_nowait((batch, group.create_task(self._settle(batch))))
        finally:
            self.follower.close()

    @property
    def idle(self) -> bool:
        """Whether everything is taken care of that was in the journal when the follower was told to look again."""
        return self.follower.at_end and self._moving == 0

    async def _next(self) -> Batch:
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await self.follower.batch(self.sink.most_records, self.sink.most_bytes)
            except OSError as error:
                pause = await self._wait(f"the journal can't be read: {error}", pause)

    async def _move(self, moving: asyncio.Queue[tuple[Batch, asyncio.Task[None]]]) -> None:
        """Moves the cursor over batches in their order, each once it is settled."""
        while True:
            batch, settled = await moving.get()
            await settled
            if batch.records:
                await self._insist(partial(asyncio.to_thread, self.place.advance, batch.records[-1].head))
            self._moving -= 1
            self._window.release()

    async def _settle(self, batch: Batch) -> None:
        for fault in batch.faults:
            await self._insist(partial(self._note, fault))
        offered, pause, mark = _Offered(batch.records), FIRST_PAUSE_SECONDS, self._pulse.confirmed
        while offered.pending:
            before = len(offered.pending)
            try:
                refused = await self._offer(offered)
            except UnavailableError as error:
                if len(offered.pending) < before:
                    pause = FIRST_PAUSE_SECONDS
                pause = await self._wait(str(error), pause, error.retry_after_seconds)
                continue
            if self._pulse.confirmed > mark:  # the sink takes others, so it is the records themselves that it doesn't want
                for place, reason in refused.items():
                    await self._refuse(offered, place, reason)
            if offered.pending:
                pause = await self._wait(next(iter(refused.values()), "refused for now"), pause)
        if batch.records:
            self.tally.last_error = ""

    async def _offer(self, offered: _Offered) -> dict[int, str]:
        """Offers everything pending once, in ever smaller parts where the sink refuses; gives back what it refused by itself."""
        parts, refused, unhelpful, taken = [list(offered.pending)], dict[int, str](), 0, False
        while parts:
            places = parts.pop()
            try:
                answer = await self.sink.send([offered.pending[place] for place in places])
            except RefusedError as error:
                unhelpful += 1
                if len(places) == 1:
                    refused[places[0]] = str(error)
                elif unhelpful > UNHELPFUL and not taken:
                    raise UnavailableError(f"refuses everything: {error}") from error
                else:
                    parts += _split(places, error.index)
                continue
            confirmed = [place for index, place in enumerate(places) if index not in answer.refused and index not in answer.later]
            refused |= {places[index]: reason for index, reason in answer.refused.items()}
            taken = taken or bool(confirmed)
            self._confirm(offered, confirmed)
        return refused

    def _confirm(self, offered: _Offered, places: Sequence[int]) -> None:
        for place in places:
            del offered.pending[place]
        self.tally.confirmed += len(places)
        self._pulse.confirmed += len(places)

    async def _refuse(self, offered: _Offered, place: int, reason: str) -> None:
        offered.refusals[place] = offered.refusals.get(place, 0) + 1
        if offered.refusals[place] >= REFUSALS:
            record = offered.pending[place]
            await self._insist(partial(self._bury, DeadLetter(record.record.id, record.head.sequence, reason, record.line)))
            del offered.pending[place]

    async def _bury(self, letter: DeadLetter) -> None:
        """Puts a record that the sink won't take on disk, and then into the shipper's journal, unless it came from there."""
        if letter.id not in self.dead:
            about_itself = self.source == "shipper" and b'"activity":"sink.' in letter.line
            if not about_itself:
                detail = {"sink": self.sink.name, "source": self.source, "sequence": letter.sequence, "id": letter.id}
                await self._tell(Event(activity="sink.record-refused", outcome="failure", reason=letter.reason[:500], detail=detail))
            await asyncio.to_thread(self.dead.add, letter)
        self.tally.refused += 1
        log.error("record-refused", sink=self.sink.name, source=self.source, sequence=letter.sequence, reason=letter.reason)

    async def _note(self, fault: Fault) -> None:
        """Records that a journal doesn't go on as it should; a damaged line is kept."""
        self.tally.faults[fault.kind] = self.tally.faults.get(fault.kind, 0) + 1
        self.tally.missing += fault.missing
        detail = {"to": self.sink.name, "source": self.source, "expected": fault.expected, "found": fault.found, "missing": fault.missing}
        outcome = "success" if fault.kind == "restarted" else "failure"
        await self._tell(Event(activity=f"journal.{fault.kind}", outcome=outcome, detail=detail))
        if fault.line:
            name = hashlib.sha256(fault.line).hexdigest()[:32]
            letter = DeadLetter(f"{fault.kind}-{name}", fault.expected, f"{fault.kind} in the journal", fault.line)
            await asyncio.to_thread(self.dead.add, letter)
        log.log(30 if outcome == "success" else 40, "journal-fault", kind=fault.kind, **detail)

    async def _insist(self, action: Callable[[], Awaitable[None]]) -> None:
        """Does something on the shipper's own disk, again and again until the disk does it."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                return await action()
            except OSError as error:
                pause = await self._wait(f"the shipper's own disk: {error}", pause)

    async def _wait(self, reason: str, pause: float, retry_after: float | None = None) -> float:
        """Waits, with some jitter, and gives the next pause back."""
        self.tally.retries += 1
        if self.tally.last_error != reason:
            log.warning("waiting", sink=self.sink.name, source=self.source, reason=reason)
        self.tally.last_error = reason
        await asyncio.sleep(max(retry_after or 0.0, pause * random.uniform(0.7, 1.3)))  # noqa: S311 (jitter, not a secret)
        return min(pause * 2, MOST_PAUSE_SECONDS)


def _split(places: list[int], index: int | None) -> list[list[int]]:
    """The parts of a refused batch: the named one apart, else two halves in a random order, so that good records are met somewhere."""
    if index is not None and 0 <= index < len(places):
        return [part for part in ([places[index]], places[:index] + places[index + 1 :]) if part]
    half = len(places) // 2
    parts = [places[:half], places[half:]]
    random.shuffle(parts)
    return parts
