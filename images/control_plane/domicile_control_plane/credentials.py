"""Environment keys, item tokens and API keys: made here, shown once, kept as SHA-256 only; `api.access` asks who a request comes from.

Sources: the credentials page of the self-hosted sandboxes' documentation (2026-10); which call accepts which: the
docstrings of the SDK's work resource (Python `anthropic` 2.11.0).
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass
from typing import Literal

from .errors import AuthenticationError
from .stamps import now_text, text
from .store import Store

TOKEN_OUTLIVES_ITEM_SECONDS = 60.0  # how long is not documented; workers still post after their item has stopped
Kind = Literal["environment key", "item token", "API key", "role"]


@dataclass(frozen=True)
class Caller:
    """Who makes a request. `current` is false for the token of an item that has since been handed to another worker."""

    kind: Kind
    environment_id: str | None = None
    work_id: str | None = None
    subject: str | None = None
    current: bool = True


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Credentials:
    """All credentials the stand-in has issued."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def issue_environment_key(self, environment_id: str) -> str:
        """A new environment key; the environment's former key ends with it."""
        key = "sk-ant-oat01-" + secrets.token_urlsafe(48)
        with self._store.transaction():
            self.revoke_environment_key(environment_id)
            self._store.run("INSERT INTO environment_keys VALUES (?, ?, ?, NULL)", digest(key), environment_id, now_text())
        return key

    def revoke_environment_key(self, environment_id: str) -> bool:
        """End the environment's key; whether there was one."""
        sql = "UPDATE environment_keys SET revoked_at = ? WHERE environment_id = ? AND revoked_at IS NULL"
        return self._store.run(sql, now_text(), environment_id) > 0

    def adopt_environment_key(self, environment_id: str, key: str) -> None:
        """Make a given value the environment's key: for tests that look for a canary."""
        with self._store.transaction():
            self.revoke_environment_key(environment_id)
            self._store.run("INSERT OR REPLACE INTO environment_keys VALUES (?, ?, ?, NULL)", digest(key), environment_id, now_text())

    def issue_api_key(self, name: str) -> str:
        """A new API key of the workspace."""
        key = "sk-ant-api03-" + secrets.token_urlsafe(48)
        self._store.run("INSERT INTO api_keys VALUES (?, ?, ?)", digest(key), name, now_text())
        return key

    def issue_item_secret(self, work_id: str, generation: int) -> str:
        """The `secret` of a claimed work item: base64 of JSON that holds the item's `sessions_token`, without padding."""
        token = "sk-ant-oat01-item-" + secrets.token_urlsafe(40)
        self._store.run("INSERT INTO item_tokens VALUES (?, ?, ?)", digest(token), work_id, generation)
        return base64.urlsafe_b64encode(json.dumps({"sessions_token": token}).encode()).decode().rstrip("=")

    def identify(self, bearer: str | None, api_key: str | None) -> Caller:
        """Who holds this credential.

        Raises:
            AuthenticationError: nobody does, or its key was revoked.
        """
        if bearer:
            found = self._environment_key(digest(bearer)) or self._item_token(digest(bearer))
            if found:
                return found
        sent = (bearer, api_key)  # the SDK sends an API key as a bearer since 2.0, others as `x-api-key`
        if any(key and self._store.row("SELECT 1 FROM api_keys WHERE hash = ?", digest(key)) for key in sent):
            return Caller("API key")
        raise AuthenticationError("invalid bearer token" if bearer else "invalid x-api-key" if api_key else "no credential was sent")

    def _environment_key(self, hashed: str) -> Caller | None:
        row = self._store.row("SELECT environment_id FROM environment_keys WHERE hash = ? AND revoked_at IS NULL", hashed)
        return Caller("environment key", environment_id=row["environment_id"]) if row else None

    def _item_token(self, hashed: str) -> Caller | None:
        sql = """SELECT w.environment_id, w.id, w.subject, w.generation = t.generation AS current FROM item_tokens t
                 JOIN work w ON w.id = t.work_id WHERE t.hash = ? AND (w.stopped_at IS NULL OR w.stopped_at > ?)"""
        row = self._store.row(sql, hashed, text(time.time() - TOKEN_OUTLIVES_ITEM_SECONDS))
        return Caller("item token", row["environment_id"], row["id"], row["subject"], bool(row["current"])) if row else None
