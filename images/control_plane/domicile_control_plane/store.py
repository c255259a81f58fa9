"""The stand-in's state: one SQLite file. It survives a kill at any moment, since each change is one transaction in the write-ahead log.

Every other module reads and writes through `Store`; all run in one event loop's thread, and no transaction spans an await.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS environments (id TEXT PRIMARY KEY, body TEXT NOT NULL, archived_at TEXT, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS environment_keys (
  hash TEXT PRIMARY KEY, environment_id TEXT NOT NULL, created_at TEXT NOT NULL, revoked_at TEXT);
CREATE TABLE IF NOT EXISTS api_keys (hash TEXT PRIMARY KEY, name TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS work (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, environment_id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,
  state TEXT NOT NULL, generation INTEGER NOT NULL DEFAULT 0, claimed_at REAL, lease_ends REAL, ttl INTEGER NOT NULL,
  last_heartbeat TEXT, metadata TEXT NOT NULL DEFAULT '{}', created_at TEXT NOT NULL, queued_at TEXT NOT NULL, acknowledged_at TEXT,
  started_at TEXT, stop_requested_at TEXT, stopped_at TEXT);
CREATE INDEX IF NOT EXISTS work_by_environment ON work (environment_id, state);
CREATE INDEX IF NOT EXISTS work_by_subject ON work (subject);
CREATE TABLE IF NOT EXISTS item_tokens (hash TEXT PRIMARY KEY, work_id TEXT NOT NULL, generation INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY, environment_id TEXT NOT NULL, status TEXT NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, archived_at TEXT);
CREATE TABLE IF NOT EXISTS events (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, session_id TEXT NOT NULL, type TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_session ON events (session_id, number);
CREATE TABLE IF NOT EXISTS calls (
  event_id TEXT PRIMARY KEY, session_id TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS calls_by_session ON calls (session_id, state);
CREATE TABLE IF NOT EXISTS runs (
  session_id TEXT PRIMARY KEY, scenario TEXT NOT NULL, state TEXT NOT NULL, verdict TEXT NOT NULL, reasons TEXT NOT NULL,
  created_at REAL NOT NULL, finished_at REAL);
CREATE TABLE IF NOT EXISTS skills (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS skill_versions (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, skill_id TEXT NOT NULL, description TEXT NOT NULL, archive BLOB NOT NULL,
  created_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS memory_stores (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT NOT NULL, metadata TEXT NOT NULL, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, archived_at TEXT);
CREATE TABLE IF NOT EXISTS memories (
  number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, store_id TEXT NOT NULL, version_id TEXT NOT NULL, path TEXT NOT NULL,
  content TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (store_id, path));
CREATE TABLE IF NOT EXISTS tunnels (id TEXT PRIMARY KEY, body TEXT NOT NULL, archived_at TEXT, token_id TEXT NOT NULL, token TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tunnel_certificates (
  id TEXT PRIMARY KEY, tunnel_id TEXT NOT NULL, body TEXT NOT NULL, archived_at TEXT);
CREATE TABLE IF NOT EXISTS webhooks (
  id TEXT PRIMARY KEY, url TEXT NOT NULL, secret TEXT NOT NULL, types TEXT NOT NULL, disabled TEXT);
"""


class Store:
    """A thin hand on the database.

    Args:
        path: the SQLite file, made if missing; `None` keeps everything in memory.
    """

    def __init__(self, path: Path | None) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
        self._committed: list[Callable[[], None]] = []
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(SCHEMA)

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, if any."""
        found: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return found

    def run(self, sql: str, *values: Any) -> int:
        """Carry out one statement; how many rows it touched."""
        return self._connection.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; one inside another belongs to the outer one."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            self._committed.clear()
            raise
        self._connection.execute("COMMIT")
        actions, self._committed = self._committed, []
        for action in actions:
            action()

    def once_committed(self, action: Callable[[], None]) -> None:
        """Do something that others can see only after the change that caused it is kept."""
        if self._connection.in_transaction:
            self._committed.append(action)
        else:
            action()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
