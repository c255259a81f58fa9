"""The work queue of each environment: claim, ack, lease, requeue and stop, with the semantics that the official workers rely on.

Used by `api.work` and by `sessions`, which queues an item when a session needs a worker.

An item is offered to one poller (claimed), which acks it; from then on heartbeats hold its lease. What isn't acked is
offered again to a poll whose `reclaim_older_than_ms` has passed; what isn't heartbeated in time goes back to the queue,
and its former holder meets 412.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable

from .credentials import Credentials
from .errors import ConflictError, InvalidRequestError, NotFoundError, PreconditionFailedError
from .shapes import Heartbeat, LeaseState, QueueStats, Work, WorkData
from .stamps import new_id, now_text
from .store import Store

NO_HEARTBEAT = "NO_HEARTBEAT"
RECLAIM_MS = 5000
WORKER_SEEN_SECONDS = 30.0
LONGEST_TTL_SECONDS = 3600
LIVE = ("queued", "starting", "active", "stopping")

Watcher = Callable[[Work], None]


class WorkQueue:
    """All environments' queues.

    Args:
        ttl_seconds: lease time granted by ack and by each heartbeat; Anthropic's default is 300.
        secrets: whether a claimed item comes with a secret.
    """

    def __init__(self, store: Store, credentials: Credentials, ttl_seconds: int = 300, *, secrets: bool = True) -> None:
        self._store = store
        self._secrets = secrets
        self._credentials = credentials
        self._ttl_seconds = ttl_seconds
        self._seen: dict[str, dict[str, float]] = defaultdict(dict)
        self._arrivals: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._leases_changed = asyncio.Event()
        self.watchers: list[Watcher] = []

    def enqueue(self, environment_id: str, subject: str, kind: str = "session") -> str:
        """Queue an item about a session (or another kind of subject, such as `healthcheck`); its id."""
        work_id, now = new_id("work"), now_text()
        self._store.run(
            """INSERT INTO work (id, environment_id, kind, subject, state, ttl, created_at, queued_at)
               VALUES (?, ?, ?, ?, 'queued', ?, ?, ?)""",
            *(work_id, environment_id, kind, subject, self._ttl_seconds, now, now),
        )
        self._announce(environment_id)
        return work_id

    def live_item(self, subject: str) -> Work | None:
        """The item about this subject that hasn't stopped, if any."""
        row = self._store.row("SELECT * FROM work WHERE subject = ? AND state != 'stopped' ORDER BY number DESC", subject)
        return _shape(row) if row else None

    async def poll(self, environment_id: str, worker_id: str | None, block_ms: int | None, reclaim_ms: int) -> Work | None:
        """Claim the oldest item, waiting up to `block_ms`; the answer carries the item's secret."""
        deadline = time.monotonic() + (block_ms or 0) / 1000
        while True:
            if worker_id:
                self._seen[environment_id][worker_id] = time.monotonic()
            arrival = self._arrivals[environment_id]
            if claimed := self._claim(environment_id, reclaim_ms):
                return claimed
            left = min(deadline - time.monotonic(), self._until_reclaim(environment_id, reclaim_ms))
            if deadline - time.monotonic() <= 0:
                return None
            try:
                await asyncio.wait_for(arrival.wait(), max(left, 0.001))
            except TimeoutError:
                continue

    def ack(self, environment_id: str, work_id: str) -> Work:
        """The poller takes the item; repeated acks are harmless."""
        row = self._find(environment_id, work_id)
        if row["state"] in ("starting", "active"):
            return _shape(row)
        if row["state"] != "queued" or row["claimed_at"] is None:
            raise ConflictError(f"work item {work_id} is {row['state']} and not claimed: poll for it", code="work_not_claimed")
        sql = "UPDATE work SET state = 'starting', acknowledged_at = ?, lease_ends = ? WHERE id = ?"
        with self._store.transaction():
            self._store.run(sql, now_text(), time.time() + row["ttl"], work_id)
            self._leases_changed.set()
            return self._changed(work_id)

    def heartbeat(self, environment_id: str, work_id: str, expected: str | None, ttl_seconds: int | None, current: bool) -> Heartbeat:
        """Extend the lease.

        Args:
            expected: the `last_heartbeat` that the caller was told, `NO_HEARTBEAT` for its first; `None` compares nothing.
            current: false when the caller's item token belongs to an earlier claim.

        Raises:
            PreconditionFailedError: the lease is somebody else's, with its state in `details.current_state`.
        """
        row = self._find(environment_id, work_id)
        if row["state"] == "stopped":
            return _beat(row, extended=False)
        if row["state"] != "stopping" and (not current or row["state"] == "queued" or not _matches(row, expected)):
            lease = LeaseState(last_heartbeat=row["last_heartbeat"], state=row["state"], ttl_seconds=row["ttl"])
            raise PreconditionFailedError(
                "expected_last_heartbeat doesn't match the lease", code="heartbeat_precondition_failed", current_state=lease.model_dump()
            )
        ttl, now = min(ttl_seconds or self._ttl_seconds, LONGEST_TTL_SECONDS), now_text()
        state = "active" if row["state"] == "starting" else row["state"]
        with self._store.transaction():
            self._store.run(
                "UPDATE work SET state = ?, last_heartbeat = ?, ttl = ?, lease_ends = ?, started_at = coalesce(started_at, ?) WHERE id = ?",
                *(state, now, ttl, time.time() + ttl, now, work_id),
            )
            if state != row["state"]:
                self._changed(work_id)
        self._leases_changed.set()
        return _beat(self._find(environment_id, work_id), extended=True)

    def stop(self, environment_id: str, work_id: str, *, force: bool) -> None:
        """Stop an item: at once with `force` or when nobody holds it, else its worker learns it from its next heartbeat.

        Raises:
            ConflictError: it has already stopped.
        """
        row = self._find(environment_id, work_id)
        if row["state"] == "stopped":
            raise ConflictError(f"work item {work_id} has already stopped", code="work_already_stopped")
        now, at_once = now_text(), force or row["state"] == "queued"
        with self._store.transaction():
            self._store.run(
                "UPDATE work SET state = ?, stop_requested_at = coalesce(stop_requested_at, ?), stopped_at = ? WHERE id = ?",
                *("stopped" if at_once else "stopping", now, now if at_once else None, work_id),
            )
            self._changed(work_id)

    def get(self, environment_id: str, work_id: str) -> Work:
        """The item, without its secret."""
        return _shape(self._find(environment_id, work_id))

    def page(self, environment_id: str, limit: int, after: int) -> tuple[list[Work], int | None]:
        """A page of items, oldest first, and the number that the next page starts after."""
        rows = self._store.rows(
            "SELECT * FROM work WHERE environment_id = ? AND number > ? ORDER BY number LIMIT ?", environment_id, after, limit + 1
        )
        return [_shape(row) for row in rows[:limit]], rows[limit - 1]["number"] if len(rows) > limit else None

    def update(self, environment_id: str, work_id: str, metadata: dict[str, str | None]) -> Work:
        """Merge metadata; null deletes a key."""
        merged = json.loads(self._find(environment_id, work_id)["metadata"]) | metadata
        kept = json.dumps({key: value for key, value in merged.items() if value is not None})
        self._store.run("UPDATE work SET metadata = ? WHERE id = ?", kept, work_id)
        return self.get(environment_id, work_id)

    def stats(self, environment_id: str) -> QueueStats:
        """Waiting, claimed, oldest, and the workers that polled within the last 30 seconds."""
        sql = """SELECT count(*) FILTER (WHERE claimed_at IS NULL) AS depth, count(*) FILTER (WHERE claimed_at IS NOT NULL) AS pending,
                 min(queued_at) AS oldest FROM work WHERE environment_id = ? AND state = 'queued'"""
        row = self._store.row(sql, environment_id)
        assert row is not None  # noqa: S101 - an aggregate always has a row
        since = time.monotonic() - WORKER_SEEN_SECONDS
        workers = sum(1 for seen in self._seen[environment_id].values() if seen >= since)
        return QueueStats(depth=row["depth"], pending=row["pending"], oldest_queued_at=row["oldest"], workers_polling=workers)

    def expire_lease(self, work_id: str) -> None:
        """End an item's lease now, as if its holder had been silent for a whole TTL."""
        self._store.run("UPDATE work SET lease_ends = 0 WHERE id = ? AND lease_ends IS NOT NULL", work_id)
        self.lapse()

    def lapse(self) -> None:
        """Give back every item whose lease has ended; one that was asked to stop has stopped."""
        sql = "SELECT * FROM work WHERE state IN ('starting', 'active', 'stopping') AND lease_ends <= ?"
        for row in self._store.rows(sql, time.time()):
            with self._store.transaction():
                if row["state"] == "stopping":
                    self._store.run("UPDATE work SET state = 'stopped', stopped_at = ? WHERE id = ?", now_text(), row["id"])
                else:
                    self._requeue(row["id"])
                    self._announce(row["environment_id"])
                self._changed(row["id"])

    async def keep_leases(self) -> None:
        """Run for ever: lapse leases when they end."""
        while True:
            self._leases_changed.clear()
            self.lapse()
            row = self._store.row("SELECT min(lease_ends) AS next FROM work WHERE state IN ('starting', 'active', 'stopping')")
            wait = None if row is None or row["next"] is None else max(row["next"] - time.time(), 0.01)
            try:
                await asyncio.wait_for(self._leases_changed.wait(), wait)
            except TimeoutError:
                continue

    def _requeue(self, work_id: str) -> None:
        self._store.run(
            """UPDATE work SET state = 'queued', claimed_at = NULL, lease_ends = NULL, last_heartbeat = NULL, acknowledged_at = NULL,
               started_at = NULL, queued_at = ?, generation = generation + 1 WHERE id = ?""",
            *(now_text(), work_id),
        )

    def _claim(self, environment_id: str, reclaim_ms: int) -> Work | None:
        now = time.time()
        with self._store.transaction():
            row = self._store.row(
                """SELECT * FROM work WHERE environment_id = ? AND state = 'queued' AND (claimed_at IS NULL OR claimed_at <= ?)
                   ORDER BY number LIMIT 1""",
                *(environment_id, now - reclaim_ms / 1000),
            )
            if row is None:
                return None
            generation = row["generation"] + 1
            self._store.run("UPDATE work SET claimed_at = ?, generation = ? WHERE id = ?", now, generation, row["id"])
            secret = self._credentials.issue_item_secret(row["id"], generation) if self._secrets else None
        return _shape(row).model_copy(update={"secret": secret})

    def _until_reclaim(self, environment_id: str, reclaim_ms: int) -> float:
        sql = "SELECT min(claimed_at) AS first FROM work WHERE environment_id = ? AND state = 'queued' AND claimed_at IS NOT NULL"
        row = self._store.row(sql, environment_id)
        return float("inf") if row is None or row["first"] is None else row["first"] + reclaim_ms / 1000 - time.time() + 0.001

    def _announce(self, environment_id: str) -> None:
        self._store.once_committed(self._arrivals.pop(environment_id, asyncio.Event()).set)

    def _find(self, environment_id: str, work_id: str) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM work WHERE id = ? AND environment_id = ?", work_id, environment_id)
        if row is None:
            raise NotFoundError(f"work item {work_id} not found")
        return row

    def _changed(self, work_id: str) -> Work:
        row = self._store.row("SELECT * FROM work WHERE id = ?", work_id)
        assert row is not None  # noqa: S101 - items are never deleted
        work = _shape(row)
        for watcher in self.watchers:
            watcher(work)
        return work


def check_poll(block_ms: int | None, reclaim_ms: int) -> None:
    """Refuse numbers outside the documented ranges."""
    if block_ms is not None and not 1 <= block_ms <= 999:
        raise InvalidRequestError("block_ms must be between 1 and 999; omit it for a poll that doesn't wait")
    if reclaim_ms < 0:
        raise InvalidRequestError("reclaim_older_than_ms must not be negative")


def _matches(row: sqlite3.Row, expected: str | None) -> bool:
    return expected is None or expected == (row["last_heartbeat"] or NO_HEARTBEAT)


def _beat(row: sqlite3.Row, *, extended: bool) -> Heartbeat:
    return Heartbeat(last_heartbeat=row["last_heartbeat"] or "", lease_extended=extended, state=row["state"], ttl_seconds=row["ttl"])


def _shape(row: sqlite3.Row) -> Work:
    return Work(
        id=row["id"],
        environment_id=row["environment_id"],
        state=row["state"],
        data=WorkData(type=row["kind"], id=row["subject"]),
        metadata=json.loads(row["metadata"]),
        created_at=row["created_at"],
        acknowledged_at=row["acknowledged_at"],
        started_at=row["started_at"],
        latest_heartbeat_at=row["last_heartbeat"],
        stop_requested_at=row["stop_requested_at"],
        stopped_at=row["stopped_at"],
    )
