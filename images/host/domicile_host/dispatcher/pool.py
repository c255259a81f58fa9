"""Sandboxes kept ready, so that a session needn't wait for one. A pooled sandbox differs from a live one in nothing but
that no identity is bound to its address: gateway and proxy refuse it.

Used by `claims`; the dispatcher tells it of containers that ended.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque

import structlog

from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.errors import DispatcherError
from domicile_host.dispatcher.retry import pauses
from domicile_host.dispatcher.sandboxes import Sandbox, Sandboxes

log = structlog.get_logger(__name__)

REFILLS_AT_ONCE = 2


class Pool:
    """`size` ready sandboxes; `run` keeps it so."""

    def __init__(self, sandboxes: Sandboxes, size: int, bounds: Bounds) -> None:
        self._sandboxes = sandboxes
        self._size = size
        self._bounds = bounds
        self._ready: deque[Sandbox] = deque()
        self._wanted = asyncio.Event()
        self._wanted.set()
        self._taken_at = -math.inf
        self._leaving: set[asyncio.Task[None]] = set()
        self.problem: str | None = None
        """Why no sandbox can be made, while that is so."""

    @property
    def ready(self) -> tuple[Sandbox, ...]:
        return tuple(self._ready)

    async def take(self) -> Sandbox:
        """A started sandbox, from the pool or made now. Raises as `Sandboxes.make`."""
        self._taken_at = time.monotonic()
        self._wanted.set()
        if self._ready:
            return self._ready.popleft()
        return await self._sandboxes.make()

    def lost(self, name: str) -> None:
        """A container ended; if it was a pooled sandbox's, another takes its place."""
        for sandbox in [each for each in self._ready if each.name == name]:
            log.warning("pool.sandbox-ended", sandbox=name)
            self._ready.remove(sandbox)
            self.discard(sandbox)

    def discard(self, sandbox: Sandbox) -> None:
        """Destroys a sandbox in the background."""
        task = asyncio.create_task(self._sandboxes.destroy(sandbox))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
        self._wanted.set()

    async def run(self) -> None:
        """Refills until cancelled; after a failure with growing pauses, so that a broken host isn't hammered."""
        waits = pauses(self._bounds)
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            await asyncio.sleep(max(0.0, self._taken_at + self._bounds.refill_pause_seconds - time.monotonic()))
            missing = self._size - len(self._ready)
            if missing <= 0:
                continue
            made = await asyncio.gather(*(self._add() for _ in range(min(missing, REFILLS_AT_ONCE))), return_exceptions=True)
            self._wanted.set()
            failures = [each for each in made if each is not None]
            if failures:
                await self._failed(failures[0], next(waits))
            else:
                self.problem, waits = None, pauses(self._bounds)

    async def _add(self) -> None:
        """Puts a new sandbox into the pool by itself: one that is ready when its sister is cancelled isn't forgotten."""
        self._ready.append(await self._sandboxes.make())

    async def _failed(self, failure: BaseException, pause: float) -> None:
        if not isinstance(failure, DispatcherError | OSError):
            raise failure
        self.problem = str(failure)
        log.error("pool.cannot-refill", problem=self.problem, again_in_seconds=round(pause, 1))
        await asyncio.sleep(pause)

    async def close(self) -> None:
        """Destroys every pooled sandbox; `run` must have ended."""
        leaving = [self._sandboxes.destroy(each) for each in self._ready]
        self._ready.clear()
        await asyncio.gather(*leaving, *self._leaving)
