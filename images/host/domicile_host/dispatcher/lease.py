"""Holds one work item's lease by heartbeats, from claim to end, as the official workers do, and knows when it is gone.

Used by `session`. Semantics from SDK 2.11 `lib/environments/_worker.py`, with two differences: a failed beat is tried again
soon instead of a whole interval later, and a 412 that answers a beat whose predecessor went unanswered is looked at
before the lease is given up, because the heartbeat that the server knows may be that very predecessor.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

import structlog
from pydantic import SecretStr

from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.errors import DispatcherError, ItemGone, KeyRefused, LeaseLost, QueueAway, QueueSlowed, RoleRefused
from domicile_host.dispatcher.ledger import Held
from domicile_host.dispatcher.metrics import Metrics
from domicile_host.dispatcher.queue import Beat, WorkQueue

log = structlog.get_logger(__name__)


class LeaseEnd(StrEnum):
    """Why a lease isn't held any more."""

    LOST = "lease-lost"
    ASSUMED_LOST = "lease-assumed-lost"
    REJECTED = "lease-rejected"
    STOPPED = "stopped"


class LeaseEnded(DispatcherError):
    """The lease ended."""

    def __init__(self, why: LeaseEnd) -> None:
        super().__init__(why.value)
        self.why = why


class Lease:
    """One item's lease. `beat` once, then `hold` for the rest of the session's life."""

    def __init__(
        self,
        queue: WorkQueue,
        held: Held,
        credentials: Callable[[], Sequence[SecretStr]],
        on_beat: Callable[[Beat], Awaitable[None]],
        metrics: Metrics,
        bounds: Bounds,
    ) -> None:
        self._queue = queue
        self._work_id = held.work_id
        self._credentials = credentials
        self._on_beat = on_beat
        self._metrics = metrics
        self._bounds = bounds
        self._last = held.last_heartbeat
        self._ttl = held.ttl_seconds or bounds.lease_seconds
        since = held.beat_at if held.beat_at is not None else held.claimed_at
        self._good_at = time.monotonic() - max(0.0, time.time() - since)
        self._unanswered = held.acked
        """A beat of ours may have reached the server without its answer reaching us; true of every adopted lease."""
        self._stopping = False

    @property
    def _deadline(self) -> float:
        """When the server may give the item to another, by our own clock."""
        return self._good_at + self._ttl

    async def beat(self) -> Beat:
        """Heartbeats until one succeeds. Raises `LeaseEnded`."""
        while True:
            try:
                async with asyncio.timeout(max(1.0, min(self._bounds.heartbeat_seconds, self._deadline - time.monotonic()))):
                    beat = await self._send()
            except LeaseLost as lost:
                self._lost(lost)
            except RoleRefused as refused:  # a policy can be mended, and a clock set, within the lease's time
                await self._transient(refused)
            except (ItemGone, KeyRefused) as refused:
                self._metrics.heartbeats.labels("rejected").inc()
                log.error("lease.rejected", work=self._work_id, problem=str(refused))
                raise LeaseEnded(LeaseEnd.REJECTED) from refused
            except (QueueAway, QueueSlowed, TimeoutError) as error:
                await self._transient(error)
            else:
                return await self._good(beat)

    async def hold(self, on_stopping: Callable[[], Awaitable[None]]) -> None:
        """Heartbeats until the lease ends; never returns. Raises `LeaseEnded`."""
        while True:
            if self._stopping:
                self._stopping = False
                await on_stopping()
            await asyncio.sleep(max(0.05, min(self._ttl / 2, self._bounds.heartbeat_seconds)))
            await self.beat()

    async def _send(self) -> Beat:
        """With the item's token; with the environment key where the token is refused (it may have run out)."""
        *others, final = self._credentials()
        for credential in others:
            try:
                return await self._queue.heartbeat(self._work_id, self._last, credential)
            except KeyRefused:
                log.warning("lease.token-refused", work=self._work_id)
        return await self._queue.heartbeat(self._work_id, self._last, final)

    async def _good(self, beat: Beat) -> Beat:
        self._metrics.heartbeats.labels("good").inc()
        self._last, self._good_at, self._unanswered = beat.last_heartbeat, time.monotonic(), False
        self._ttl = beat.ttl_seconds if beat.ttl_seconds > 0 else self._ttl
        await self._on_beat(beat)
        if beat.stopped:
            raise LeaseEnded(LeaseEnd.STOPPED)
        self._stopping = beat.state == "stopping"
        return beat

    def _lost(self, lost: LeaseLost) -> None:
        """Takes the server's last heartbeat for our own unanswered one if it can be; two who do so don't both survive the next."""
        ours = self._unanswered and lost.state == "active" and lost.last_heartbeat and time.monotonic() < self._deadline
        if not ours:
            self._metrics.heartbeats.labels("lost").inc()
            log.error("lease.lost", work=self._work_id, state=lost.state)
            raise LeaseEnded(LeaseEnd.LOST) from lost
        log.warning("lease.caught-up", work=self._work_id)
        self._last, self._unanswered = lost.last_heartbeat, False

    async def _transient(self, error: Exception) -> None:
        self._metrics.heartbeats.labels("failed").inc()
        self._unanswered = True
        left = self._deadline - time.monotonic()
        if left <= 0:
            log.error("lease.assumed-lost", work=self._work_id, ttl_seconds=self._ttl)
            raise LeaseEnded(LeaseEnd.ASSUMED_LOST) from error
        log.warning("lease.beat-failed", work=self._work_id, problem=str(error) or type(error).__name__)
        asked = error.retry_after_seconds if isinstance(error, QueueSlowed) else None
        await asyncio.sleep(max(0.0, min(asked or self._bounds.retry_seconds * 4, left)))
