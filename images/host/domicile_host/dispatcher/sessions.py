"""The sessions in hand: at most one a session id, whatever the queue offers.

Used by `claims` and `adoption` to begin sessions, by `dispatcher` to end them all, and by `status` to show them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from ipaddress import IPv4Address

import structlog

from domicile_host.dispatcher.session import Cause, Session
from domicile_host.gateway.binding import GatewayEvent

log = structlog.get_logger(__name__)


class Sessions:
    """Begins sessions, finds them, and waits for their ends."""

    def __init__(self) -> None:
        self._by_source: dict[IPv4Address, Session] = {}
        self._tasks: dict[asyncio.Task[None], Session] = {}
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_source.values()))

    @property
    def count(self) -> int:
        return len(self._by_source)

    def admitted(self) -> dict[IPv4Address, str]:
        """Addresses and sessions that the egress proxy may let out: those that nothing has ended."""
        return {source: each.held.session_id for source, each in self._by_source.items() if not each.leaving}

    def begin(self, session: Session) -> None:
        self._by_source[session.sandbox.address] = session
        task = asyncio.create_task(session.run())
        self._tasks[task] = session
        task.add_done_callback(self._done)
        self.tell()

    async def make_way(self, session_id: str, work_id: str) -> None:
        """The queue offers a session that is in hand: its lease is gone. Returns when its old sandbox is.

        The old item is stopped unless it is the very item that is offered.
        """
        for session in self:
            if session.held.session_id == session_id:
                log.warning("session.offered-again", session=session_id)
                session.end(Cause.OFFERED_AGAIN if session.held.work_id == work_id else Cause.SUPERSEDED)
                await session.ended.wait()

    def heard(self, event: GatewayEvent) -> None:
        if session := self._by_source.get(event.source):
            session.heard(event)

    def sandbox_ended(self, name: str) -> None:
        for session in self:
            if session.sandbox.name == name:
                session.end(Cause.SANDBOX_GONE)

    async def bind_again(self) -> None:
        """Tells a gateway that came back of every live session. Raises the first failure: the caller then tries again."""
        failures = [each for each in await asyncio.gather(*(s.bind_again() for s in self), return_exceptions=True) if each]
        if failures:
            raise failures[0]

    async def drain(self) -> None:
        """Asks every worker to stop, and returns when no session is left."""
        await asyncio.gather(*(session.ask_to_stop(Cause.DRAINED) for session in self))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hand_over(self) -> None:
        """Lets go of every session as it is, for the next dispatcher to adopt."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def changed(self, within_seconds: float) -> None:
        """Returns when a session began or ended, or after a while."""
        self._changed.clear()
        try:
            async with asyncio.timeout(within_seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def tell(self) -> None:
        self._changed.set()

    def _done(self, task: asyncio.Task[None]) -> None:
        session = self._tasks.pop(task)
        del self._by_source[session.sandbox.address]
        self.tell()
        if not task.cancelled() and (error := task.exception()):
            log.critical("session.broke-off", session=session.held.session_id, exc_info=error)
