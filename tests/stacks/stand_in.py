"""The stand-in for the control plane, answering from a thread of the test's own process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from domicile_control_plane import ControlPlane


class StandIn:
    """`url` and `api_key` for clients; `ask` looks into the stand-in or changes it, in its own thread."""

    def __init__(self) -> None:
        self._ready: Future[tuple[str, str]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self.url, self.api_key = self._ready.result(30)

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self._plane = ControlPlane()
        self._plane.webhooks.backoff_seconds = (0.0, 0.01)
        async with self._plane.serve() as url:
            self._ready.set_result((url, self._plane.credentials.issue_api_key("operator")))
            await self._end.wait()
        self._plane.close()

    def ask(self, what: Callable[[ControlPlane], Any]) -> Any:
        async def answer() -> Any:
            found = what(self._plane)
            return await found if asyncio.iscoroutine(found) else found

        return asyncio.run_coroutine_threadsafe(answer(), self._loop).result(30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(30)


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Serves as long as the block runs."""
    made = StandIn()
    try:
        yield made
    finally:
        made.close()
