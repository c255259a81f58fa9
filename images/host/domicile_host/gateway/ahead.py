"""What a worker asks first, read ahead of it: its session, its event stream opened, then the first page of its history.

Made by `register` for a binding that is announced; `session_calls` gives each part once, to a call that is the very same, of a worker
that came soon. The stream is opened before the page is read, as a worker does it, so that no event falls between the two; the page
is given only beside that stream. Whatever isn't there, or isn't the same, the worker's own call reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from aiohttp import ClientResponse
from pydantic import JsonValue

from domicile_host.gateway.refusal import Unavailable
from domicile_host.gateway.upstream import OWN_HEADERS

if TYPE_CHECKING:
    from domicile_host.gateway.session import Session

log = structlog.get_logger("gateway")

SOON_SECONDS = 5.0
"""What isn't asked for by then is forgotten: usual is a fiftieth of a second."""
MEANING = ("anthropic-version", "anthropic-beta")
"""Headers that an answer's content depends on."""

T = TypeVar("T")


class Ahead:
    """The reads of one session, begun on making."""

    def __init__(self, session: Session) -> None:
        self._session = session
        path = f"/v1/sessions/{session.binding.session_id}"
        self.session_target, self.stream_target = path, f"{path}/events/stream"
        self.page_target = f"{path}/events?limit=1000&order=asc"
        loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[ClientResponse] = loop.create_future()
        self._taken, self._released = asyncio.Event(), asyncio.Event()
        self._beside = False
        """The worker reads the stream that was opened ahead, and has asked for no other since."""
        self._value: asyncio.Task[JsonValue] | None = self._begun(self._read_session())  # first, on a connection that the page then has
        self._holding = self._begun(self._hold())
        self._page: asyncio.Task[JsonValue] | None = self._begun(self._read_page())
        self._good_until = loop.time() + SOON_SECONDS

    # --- given once ------------------------------------------------------------------------------------------------

    async def session(self, target: str, headers: Mapping[str, str]) -> JsonValue:
        """The session; None when it has to be read."""
        value, self._value = self._value, None
        return await self._good(value) if self._same(target, self.session_target, headers) else None

    async def stream(self, target: str, headers: Mapping[str, str]) -> ClientResponse | None:
        """The open stream, which its taker gives back by `release`; None when it has to be opened."""
        fit = self._same(target, self.stream_target, headers) and await self._is_open()
        self._beside = fit and not self._holding.done() and not self._taken.is_set()
        if not self._beside:
            return None
        self._taken.set()
        return self._opened.result()

    async def page(self, target: str, headers: Mapping[str, str]) -> JsonValue:
        """The history's first page, beside the stream that was opened before it; None when it has to be read."""
        page, self._page = self._page, None
        value = await self._good(page) if self._beside and self._same(target, self.page_target, headers) else None
        return value if self._beside else None

    def release(self) -> None:
        """The stream's taker is done with it."""
        self._beside = False
        self._released.set()

    async def over(self) -> None:
        """Returns when the stream that was opened ahead is closed."""
        await asyncio.wait({self._holding})

    async def close(self) -> None:
        """Ends what is under way; the stream is cut."""
        under_way = [task for task in (self._holding, self._value, self._page) if task is not None]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    def _same(self, target: str, own: str, headers: Mapping[str, str]) -> bool:
        soon = asyncio.get_running_loop().time() < self._good_until
        return soon and target == own and all(headers.get(name) == OWN_HEADERS[name] for name in MEANING)

    async def _good(self, read: asyncio.Task[T] | None) -> T | None:
        """What a read brings; None if it fails or is ended."""
        if read is None:
            return None
        await asyncio.wait({read})
        return None if read.cancelled() or read.exception() else read.result()

    # --- reading ---------------------------------------------------------------------------------------------------

    async def _read_session(self) -> JsonValue:
        value = await self._session.read(self.session_target)
        self._session.see_session(value)
        return value

    async def _hold(self) -> None:
        """Opens the stream and keeps it until its taker is done with it, or nobody has taken it in time."""
        session = self._session
        async with session.api.call("GET", self.stream_target, session.token, OWN_HEADERS, streaming=True) as source:
            if source.status != 200:
                raise Unavailable("upstream", 502, f"the control plane answered {source.status} to the gateway's own read")
            self._opened.set_result(source)
            try:
                async with asyncio.timeout(SOON_SECONDS):
                    await self._taken.wait()
            except TimeoutError:
                return
            await self._released.wait()

    async def _is_open(self) -> bool:
        """Waits until the stream is open, or can't be."""
        either: set[asyncio.Future[Any]] = {self._opened, self._holding}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        return self._opened.done()

    async def _read_page(self) -> JsonValue:
        """Recorded when it is given."""
        if not await self._is_open():
            return None
        value = await self._session.read(self.page_target)
        await self._session.take_page(value)
        return value

    def _begun(self, work: Coroutine[None, None, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        task.add_done_callback(self._told)
        return task

    def _told(self, task: asyncio.Task[T]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("read-ahead-failed", session_id=self._session.binding.session_id, error=str(error))  # the worker's call reads
