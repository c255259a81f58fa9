"""Webhooks as documented: Standard Webhooks signatures, up to three attempts, an endpoint that redirects is disabled.

A payload only wakes: it names the session, no work item and no environment. Source: the webhooks page of the API documentation (2026-08).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
import secrets
import time
from typing import Any

import aiohttp

from .log import Logger
from .sessions import Sessions
from .stamps import new_id, now_text
from .store import Store

ATTEMPTS = 3
TYPES = {
    "session.status_running": "session.status_run_started",
    "session.status_idle": "session.status_idled",
    "session.status_terminated": "session.status_terminated",
}
ORGANIZATION, WORKSPACE = "org_stand_in", "wrkspc_stand_in"


class Webhooks:
    """All endpoints, and the deliveries under way.

    Attributes:
        backoff_seconds: bounds of the pause between attempts.
    """

    def __init__(self, store: Store, sessions: Sessions, log: Logger) -> None:
        self._store, self._log = store, log
        self._deliveries: set[asyncio.Task[None]] = set()
        self.backoff_seconds = (5.0, 120.0)
        sessions.watchers.append(self._happened)

    def register(self, url: str, types: list[str]) -> tuple[str, str]:
        """A new endpoint for these event types; its id and its signing secret."""
        webhook_id, secret = new_id("whk"), "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._store.run("INSERT INTO webhooks VALUES (?, ?, ?, ?, NULL)", webhook_id, url, secret, json.dumps(types))
        return webhook_id, secret

    def all(self) -> list[dict[str, Any]]:
        """All endpoints, without their secrets."""
        rows = self._store.rows("SELECT id, url, types, disabled FROM webhooks")
        return [{**dict(row), "types": json.loads(row["types"])} for row in rows]

    async def settle(self) -> None:
        """Wait until no delivery is under way."""
        await asyncio.gather(*self._deliveries)

    async def close(self) -> None:
        """Drop the deliveries under way, as nothing is replayed."""
        for task in self._deliveries:
            task.cancel()
        await asyncio.gather(*self._deliveries, return_exceptions=True)

    def _happened(self, session_id: str, kind: str) -> None:
        if kind not in TYPES:
            return
        data = {"type": TYPES[kind], "id": session_id, "organization_id": ORGANIZATION, "workspace_id": WORKSPACE}
        event = {"type": "event", "id": new_id("whe"), "created_at": now_text(), "data": data}
        for row in self._store.rows("SELECT * FROM webhooks WHERE disabled IS NULL"):
            if TYPES[kind] in json.loads(row["types"]):
                task = asyncio.get_running_loop().create_task(self._deliver(row["id"], row["url"], row["secret"], event))
                self._deliveries.add(task)
                task.add_done_callback(self._deliveries.discard)

    async def _deliver(self, webhook_id: str, url: str, secret: str, event: dict[str, Any]) -> None:
        body = json.dumps(event)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as client:
            for attempt in range(1, ATTEMPTS + 1):
                status = await self._attempt(client, url, body, signed(secret, event["id"], body))
                self._log("webhook", webhook_id=webhook_id, event_id=event["id"], attempt=attempt, status=status)
                if status is not None and 300 <= status < 400:
                    self._store.run("UPDATE webhooks SET disabled = ? WHERE id = ?", f"answered {status}", webhook_id)
                    return
                if status is not None and 200 <= status < 300:
                    return
                if attempt < ATTEMPTS:
                    await asyncio.sleep(random.uniform(*self.backoff_seconds))  # noqa: S311 - jitter is no secret

    async def _attempt(self, client: aiohttp.ClientSession, url: str, body: str, headers: dict[str, str]) -> int | None:
        try:
            async with client.post(url, data=body, headers=headers, allow_redirects=False) as response:
                return response.status
        except (aiohttp.ClientError, TimeoutError):
            return None


def signed(secret: str, event_id: str, body: str) -> dict[str, str]:
    """Headers of one delivery: the time stamp is the attempt's own, and signed (Standard Webhooks 1.0)."""
    stamp = str(int(time.time()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(key, f"{event_id}.{stamp}.{body}".encode(), hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
