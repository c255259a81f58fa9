"""The queue's numbers, as the control plane gives them: `GET /v1/environments/{id}/work/stats`.

Whatever isn't a whole and plausible answer raises `Unreadable`: an error is never read as an empty queue.
Source: SDK 2.11 `BetaSelfHostedWorkQueueStats`. Called by `watch`.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

TIMEOUT_SECONDS = 5.0
LARGEST_ANSWER_BYTES = 64 << 10
HEADERS = {"anthropic-version": "2026-10-21", "anthropic-beta": "managed-agents-2026-04-01", "accept": "application/json"}


class Unreadable(Exception):
    """The queue's numbers aren't known now. The message says why, and holds no credential."""


@dataclass(frozen=True)
class Stats:
    """`waiting`: not claimed; `pending`: claimed, not acked; `polling`: workers seen in the last 30 s, None where it isn't told."""

    waiting: int
    pending: int
    oldest_seconds: float
    polling: int | None


class Identity(Protocol):
    """In whose name is asked: a `key.Key`, or a `role.Role`."""

    def headers(self, url: str, given: Mapping[str, str]) -> dict[str, str]: ...


def read(url: str, environment_id: str, identity: Identity, proxy: str = "", ca_file: str = "") -> Stats:
    """Asks once, directly or through the egress tier. Follows no redirect. Raises `Unreadable`."""
    path = f"{urlsplit(url).path}/v1/environments/{quote(environment_id, safe='')}/work/stats"
    try:
        connection = _connection(url, proxy, ca_file)
        try:
            connection.request("GET", path, headers=identity.headers(f"{origin(url)}{path}", HEADERS))
            answer = connection.getresponse()
            body = answer.read(LARGEST_ANSWER_BYTES + 1)
        finally:
            connection.close()
    except (OSError, HTTPException, ValueError) as error:
        raise Unreadable(f"{type(error).__name__}: the control plane can't be reached, or not understood") from None
    if answer.status != 200:
        raise Unreadable(f"the control plane answered {answer.status}")
    return parsed(body, datetime.now(UTC))


def origin(url: str) -> str:
    """Scheme and host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def parsed(body: bytes, now: datetime) -> Stats:
    """Raises `Unreadable` for anything but the documented shape."""
    if len(body) > LARGEST_ANSWER_BYTES:
        raise Unreadable("the answer is too large")
    try:
        found = json.loads(body)
        if not isinstance(found, dict) or found.get("type") != "work_queue_stats":
            raise Unreadable("the answer isn't the queue's numbers")
        polling = found.get("workers_polling")
        return Stats(
            waiting=_count(found["depth"]),
            pending=_count(found["pending"]),
            oldest_seconds=_age(found["oldest_queued_at"], now),
            polling=None if polling is None else _count(polling),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise Unreadable(f"{type(error).__name__}: the answer has another shape than documented") from None


def _connection(url: str, proxy: str, ca_file: str) -> HTTPConnection:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    context = ssl.create_default_context(cafile=ca_file or None) if secure else None
    first, _, first_port = proxy.rpartition(":") if proxy else (host, "", str(port))
    if context is None:
        made = HTTPConnection(first, int(first_port), timeout=TIMEOUT_SECONDS)
    else:
        made = HTTPSConnection(first, int(first_port), timeout=TIMEOUT_SECONDS, context=context)
    if proxy:
        made.set_tunnel(host, port)
    return made


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10_000_000:
        raise ValueError(value)
    return value


def _age(value: Any, now: datetime) -> float:
    """Of the oldest waiting item; 0 when none waits. A clock that is a little ahead of ours makes no negative age."""
    if value is None:
        return 0.0
    return max(0.0, (now - datetime.fromisoformat(value)).total_seconds())
