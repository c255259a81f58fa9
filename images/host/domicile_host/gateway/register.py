"""Which session is bound at which source, who waits for one, and who hears of it.

The control side changes it, the sandbox side asks it.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Coroutine
from ipaddress import IPv4Address

import structlog
from pydantic import JsonValue

from domicile_host.gateway.ahead import Ahead
from domicile_host.gateway.binding import Binding, BindingStatus, GatewayEvent
from domicile_host.gateway.metrics import Metrics
from domicile_host.gateway.records import Records
from domicile_host.gateway.refusal import RefusalBook, Unavailable
from domicile_host.gateway.session import Session
from domicile_host.gateway.upstream import Upstream

log = structlog.get_logger("gateway")

SUBSCRIBER_EVENTS = 1000
"""Events that wait for a dispatcher that doesn't read; then its stream is cut, and it asks for the bindings anew."""


class AlreadyBoundError(Exception):
    """The session is bound at another source: it would have two live sandboxes."""


class Register:
    """All bindings in force."""

    def __init__(self, api: Upstream, records: Records, metrics: Metrics) -> None:
        self._api = api
        self._records = records
        self._metrics = metrics
        self._sessions: dict[IPv4Address, Session] = {}
        self._announced: dict[IPv4Address, Session] = {}
        """Not in force: nothing passes, and the sandbox side doesn't know them."""
        self._books: dict[IPv4Address | None, RefusalBook] = {}
        self._waiting: dict[IPv4Address, asyncio.Future[None]] = {}
        self.waited = asyncio.Event()
        """Set once any sandbox has waited for its item."""
        self._subscribers: set[asyncio.Queue[GatewayEvent | None]] = set()
        self._background: set[asyncio.Task[None]] = set()

    # --- for the control side ------------------------------------------------------------------------------------

    async def announce(self, binding: Binding) -> None:
        """Reads ahead what a worker asks first, for a binding that may follow. What is in force stays as it is."""
        held = self._sessions.get(binding.source) or self._announced.get(binding.source)
        if held is None or not _same(held.binding, binding):
            await self._forget_announced(binding.source)
            session = self._announced[binding.source] = self._session(binding)
            session.ahead = Ahead(session)

    async def bind(self, binding: Binding) -> None:
        """Puts a binding in force; one with the same capability keeps its state. Raises `AlreadyBoundError`."""
        for source, other in self._sessions.items():
            if source != binding.source and other.binding.session_id == binding.session_id:
                raise AlreadyBoundError(f"session {binding.session_id} is bound at {source}: delete that binding first")
        session = self._sessions.get(binding.source)
        if session is not None and _same(session.binding, binding):
            session.binding = binding
            return
        if session is not None:
            await self.unbind(binding.source)
        announced = self._announced.get(binding.source)
        if announced is not None and _same(announced.binding, binding):
            session = self._announced.pop(binding.source)
            session.binding = binding
        else:
            await self._forget_announced(binding.source)
            session = self._session(binding)
        self._sessions[binding.source] = session
        self._metrics.bindings.set(len(self._sessions))
        log.info("bound", source=str(binding.source), session_id=binding.session_id, work_id=binding.work_id)
        waiting = self._waiting.pop(binding.source, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    async def unbind(self, source: IPv4Address) -> None:
        """Ends a binding: from now on nothing of its source passes, and its streams are cut on return."""
        await self._forget_announced(source)
        session = self._sessions.pop(source, None)
        if session is None:
            return
        session.gone = True
        self._metrics.bindings.set(len(self._sessions))
        streams = tuple(session.streams)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
        if session.ahead is not None:
            await session.ahead.close()
        await self._record_sum(source, session.binding)
        log.info("unbound", source=str(source), session_id=session.binding.session_id)

    def stopping(self, source: IPv4Address) -> bool:
        """Lets the worker's next heartbeat say `stopping`. False when nothing is bound there."""
        session = self._sessions.get(source)
        if session is not None:
            session.stopping = True
        return session is not None

    def statuses(self) -> list[BindingStatus]:
        return [session.status() for session in self._sessions.values()]

    def subscribe(self) -> asyncio.Queue[GatewayEvent | None]:
        """A queue of the events from now on; None ends it."""
        queue: asyncio.Queue[GatewayEvent | None] = asyncio.Queue(SUBSCRIBER_EVENTS + 1)
        self._subscribers.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[GatewayEvent | None]) -> None:
        self._subscribers.discard(queue)

    def publish(self, event: GatewayEvent) -> None:
        for queue in tuple(self._subscribers):
            if queue.qsize() >= SUBSCRIBER_EVENTS:
                self._subscribers.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(event)

    async def close(self) -> None:
        """Ends all: streams are cut, those who wait are told to ask again."""
        for source in (*self._sessions, *self._announced):
            await self.unbind(source)
        for waiting in self._waiting.values():
            waiting.cancel()
        for queue in tuple(self._subscribers):
            self._subscribers.discard(queue)
            queue.put_nowait(None)
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    # --- for the sandbox side --------------------------------------------------------------------------------------

    def session(self, source: IPv4Address) -> Session | None:
        return self._sessions.get(source)

    def book(self, source: IPv4Address | None) -> RefusalBook:
        """The refusals of a source, bound or not; None for requests without one."""
        return self._books.setdefault(source, RefusalBook())

    async def wait_bound(self, source: IPv4Address, seconds: float) -> None:
        """Returns when something is bound at `source`, after `seconds`, or when a later call for it takes over."""
        earlier = self._waiting.pop(source, None)
        if earlier is not None and not earlier.done():
            earlier.set_result(None)
        waiting = asyncio.get_running_loop().create_future()
        self._waiting[source] = waiting
        self.waited.set()
        try:
            await asyncio.wait({waiting}, timeout=seconds)
        finally:
            if self._waiting.get(source) is waiting:
                del self._waiting[source]

    # --- in the background -------------------------------------------------------------------------------------------

    async def record_sums(self) -> None:
        """Writes what was refused beyond the records one by one, and forgets the books of silent, unbound sources."""
        for source, book in tuple(self._books.items()):
            session = self._sessions.get(source) if source is not None else None
            await self._record_sum(source, session.binding if session else None)
            if session is None and book.idle:
                self._books.pop(source, None)

    async def _record_sum(self, source: IPv4Address | None, binding: Binding | None) -> None:
        book = self.book(source)
        taken = book.take_sum()
        if not taken:
            return
        by_rule: dict[str, JsonValue] = dict(sorted(taken.items()))
        detail: dict[str, JsonValue] = {"source": str(source or ""), "refusals": sum(taken.values()), "by_rule": by_rule}
        try:
            await self._records.write("gateway.refusals", "refused", detail, binding, reason="more refusals than are recorded one by one")
        except Unavailable:
            book.give_back(taken)  # the next sum holds them

    async def _forget_announced(self, source: IPv4Address) -> None:
        session = self._announced.pop(source, None)
        if session is not None and session.ahead is not None:
            await session.ahead.close()

    def _session(self, binding: Binding) -> Session:
        return Session(binding, self._api, self._records, self._metrics, self.book(binding.source), self.publish)

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _same(one: Binding, other: Binding) -> bool:
    """Whether two bindings are of the same work item and capability; a renewed token may differ."""
    same = (one.session_id, one.work_id, one.environment_id, one.custom_tools)
    return same == (other.session_id, other.work_id, other.environment_id, other.custom_tools) and hmac.compare_digest(
        one.capability.get_secret_value().encode(), other.capability.get_secret_value().encode()
    )
