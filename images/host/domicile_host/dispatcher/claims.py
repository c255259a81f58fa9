"""Claims work items: polls back to back within the set rate while there is room, and acks nothing before a sandbox is sure.

`Claims.run` is a task of the dispatcher's. Each claimed session is handed to `Sessions`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from pydantic import TypeAdapter, ValidationError

from domicile_host.audit.event import Event
from domicile_host.dispatcher.errors import DispatcherError, ItemGone, KeyRefused, QueueAway, QueueSlowed
from domicile_host.dispatcher.item_secrets import ItemSecrets, Seal
from domicile_host.dispatcher.ledger import Held
from domicile_host.dispatcher.pool import Pool
from domicile_host.dispatcher.queue import Item, sessions_token
from domicile_host.dispatcher.retry import pauses
from domicile_host.dispatcher.sandboxes import Sandbox, SandboxUnsure
from domicile_host.dispatcher.session import Parts, Session
from domicile_host.dispatcher.sessions import Sessions
from domicile_host.gateway.binding import Identifier

log = structlog.get_logger(__name__)

_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)


class Pace:
    """Keeps polls within a number a minute: evenly when nothing comes, at once after an item while the minute has room."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._polls: deque[float] = deque()

    def wait_seconds(self, found: bool) -> float:
        """How long to wait before the next poll; `found`: the last one gave an item."""
        now = self._clock()
        while self._polls and now - self._polls[0] >= 60:
            self._polls.popleft()
        if len(self._polls) >= self._per_minute:
            return max(0.0, 60 - (now - self._polls[-self._per_minute]))  # not the oldest, which rounding may keep a moment too long
        even = 60 / self._per_minute
        return max(0.0, even - (now - self._polls[-1])) if self._polls and not found else 0.0

    def count(self) -> None:
        self._polls.append(self._clock())


@dataclass(frozen=True, slots=True)
class Polls:
    """How the polls go: whether the control plane answers, when it last gave an answer, and why it didn't since."""

    reachable: bool | None = None
    last_at: float | None = None
    problem: str | None = None


class Claims:
    """The poll loop and what becomes of each item."""

    def __init__(self, parts: Parts, seal: Seal, pool: Pool, sessions: Sessions, hindrance: Callable[[], str | None]) -> None:
        self._parts = parts
        self._seal = seal
        self._pool = pool
        self._sessions = sessions
        self._hindrance = hindrance
        self._pace = Pace(parts.settings.control_plane.polls_per_minute)
        self._claiming: dict[str, asyncio.Task[None]] = {}
        self.polls = Polls()

    async def run(self) -> None:
        """Polls until cancelled; claims under way are finished by `settle`."""
        waits, found = pauses(self._parts.bounds), False
        while True:
            await self._room()
            await asyncio.sleep(self._pace.wait_seconds(found))
            try:
                found = await self._poll()
            except (KeyRefused, QueueSlowed, QueueAway, ItemGone) as error:
                found = False
                await asyncio.sleep(self._failed(error, next(waits)))
            else:
                waits = pauses(self._parts.bounds)

    async def settle(self) -> None:
        """Returns when no claim is under way."""
        await asyncio.gather(*self._claiming.values(), return_exceptions=True)

    async def _room(self) -> None:
        """Returns when there is a key, everything that a session needs answers, and a session more has room."""
        while True:
            await self._parts.key.usable.wait()
            if self._hindrance() is None and self._sessions.count + len(self._claiming) < self._parts.settings.sandboxes.capacity:
                return
            await self._sessions.changed(within_seconds=self._parts.bounds.retry_seconds)

    async def _poll(self) -> bool:
        key = self._parts.key.value
        if key is None:
            return False
        self._pace.count()
        try:
            item = await self._parts.queue.poll(key)
        except KeyRefused as refused:
            self._parts.key.refuse(key, str(refused))
            raise
        self._parts.key.accept()
        self.polls = Polls(reachable=True, last_at=time.time())
        self._parts.metrics.polls.labels("item" if item else "empty").inc()
        if item is None:
            return False
        subject = item.session_id or item.work_id
        if subject in self._claiming:  # one claim a session at a time: what isn't acked is offered again
            return False
        task = asyncio.create_task(self._claim(item))
        self._claiming[subject] = task
        task.add_done_callback(lambda _: self._claimed(subject))
        await asyncio.wait({task}, timeout=self._parts.bounds.head_start_seconds)
        return True

    def _claimed(self, subject: str) -> None:
        task = self._claiming.pop(subject)
        self._sessions.tell()
        if not task.cancelled() and (error := task.exception()):
            log.error("claim.failed", session=subject, exc_info=error)

    def _failed(self, error: DispatcherError, pause: float) -> float:
        """Notes a failed poll and tells how long to wait."""
        result = "refused" if isinstance(error, KeyRefused) else "slowed" if isinstance(error, QueueSlowed) else "failed"
        self._parts.metrics.polls.labels(result).inc()
        self.polls = Polls(reachable=not isinstance(error, QueueAway), last_at=self.polls.last_at, problem=str(error))
        asked = error.retry_after_seconds if isinstance(error, QueueSlowed) else None
        pause = max(pause, asked or 0.0)
        log.warning("poll.failed", problem=str(error), again_in_seconds=round(pause, 1))
        return pause

    # --- one item ----------------------------------------------------------------------------------------------------------

    async def _claim(self, item: Item) -> None:
        """Gives the item a sandbox and a session, or leaves it un-acked: then the queue offers it again, here or elsewhere."""
        if item.kind != "session":
            return await self._dismiss(item, f"an item of kind {item.kind!r} isn't a session")
        token = sessions_token(item.secret)
        if token is None and self._parts.settings.signing is None:
            return await self._dismiss(item, "the item's secret holds no sessions token")
        if not all(map(_identifier, (item.session_id, item.work_id))):
            return await self._dismiss(item, "the item's ids aren't of a form that can stand in a path")
        sandbox: Sandbox | None = None
        by = asyncio.get_running_loop().time() + self._parts.bounds.claim_seconds
        try:
            async with asyncio.timeout_at(by):
                await self._sessions.make_way(item.session_id, item.work_id)
                sandbox = await self._pool.take()
            session = await self._session(item, sandbox, ItemSecrets.of(token), by)
        except (DispatcherError, TimeoutError, OSError) as error:
            log.error("claim.given-up", work=item.work_id, problem=str(error) or "no sandbox in time")
            if sandbox is not None:
                self._pool.discard(sandbox)
            return None
        self._sessions.begin(session)
        return None

    async def _session(self, item: Item, sandbox: Sandbox, secrets: ItemSecrets, by: float) -> Session:
        """The sandbox is sure, and everything that a restart needs is on disk, before the ack."""
        environment = self._parts.settings.environment_id
        sealed = self._seal.seal(secrets, sandbox.id)
        held = Held(session_id=item.session_id, work_id=item.work_id, environment_id=environment, sealed=sealed, claimed_at=time.time())
        session = Session(self._parts, sandbox, held, secrets)
        steps = self._record(item, sandbox, by), self._parts.ledger.put(session.entry())
        for error in filter(None, await asyncio.gather(*steps, return_exceptions=True)):
            raise error
        return session

    async def _record(self, item: Item, sandbox: Sandbox, by: float) -> None:
        """Records the claim for a sandbox that runs now, not only when it was put into the pool."""
        async with asyncio.timeout_at(by):
            if not await self._parts.sandboxes.is_running(sandbox):
                raise SandboxUnsure(f"{sandbox.name} ended before a session came")
        event = Event(activity="session.claimed", session_id=item.session_id, work_id=item.work_id, sandbox_id=sandbox.name)
        await self._parts.recorder.append(event)

    async def _dismiss(self, item: Item, reason: str) -> None:
        """Acks and stops what can't be served, so that the queue doesn't offer it for ever."""
        key = self._parts.key.value
        log.info("item.dismissed", work=item.work_id, reason=reason)
        if key is None:
            return
        health_check = item.kind == "healthcheck"
        await self._parts.recorder.append(
            Event(activity="item.dismissed", outcome="success" if health_check else "refused", reason=reason, work_id=item.work_id)
        )
        try:
            await self._parts.queue.ack(item.work_id, key)
            await self._parts.queue.stop(item.work_id, key)
        except (KeyRefused, QueueAway, QueueSlowed, ItemGone) as error:
            log.warning("item.not-dismissed", work=item.work_id, problem=str(error))


def _identifier(text: str) -> bool:
    try:
        _IDENTIFIER.validate_python(text)
    except ValidationError:
        return False
    return True
