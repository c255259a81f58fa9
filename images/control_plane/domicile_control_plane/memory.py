"""Memory stores and their memories, with content-hash preconditions. Served by `api.memory_stores`, filled and checked by scenarios."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
import unicodedata
from typing import Any

from .errors import ConflictError, InvalidRequestError, NotFoundError
from .shapes import MemoryCreate, MemoryStoreCreate, MemoryUpdate
from .stamps import new_id, now_text
from .store import Store

LONGEST_CONTENT_BYTES = 102_400
MOST_MEMORIES = 2_000


class MemoryStores:
    """All memory stores of the workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, asked: MemoryStoreCreate) -> str:
        """A new, empty store; its id."""
        store_id, now = new_id("memstore"), now_text()
        metadata = json.dumps(asked.metadata)
        self._store.run(
            "INSERT INTO memory_stores VALUES (?, ?, ?, ?, ?, ?, NULL)", store_id, asked.name, asked.description, metadata, now, now
        )
        return store_id

    def get(self, store_id: str) -> dict[str, Any]:
        """The store in the API's form."""
        row = self._store.row("SELECT * FROM memory_stores WHERE id = ?", store_id)
        if row is None:
            raise NotFoundError(f"memory store {store_id} not found")
        return {"type": "memory_store", **dict(row), "metadata": json.loads(row["metadata"])}

    def attachment(self, store_id: str, access: str, mount_path: str | None) -> dict[str, Any]:
        """The store as a session that it is attached to shows it."""
        store = self.get(store_id)
        return {
            "type": "memory_store",
            "memory_store_id": store_id,
            "access": access,
            "mount_path": mount_path or f"/mnt/memory/{slug(store['name'])}",
            "name": store["name"],
            "description": store["description"],
            "instructions": None,
        }

    def memories(self, store_id: str, *, after: int, limit: int, full: bool, prefix: str = "/") -> tuple[list[dict[str, Any]], int | None]:
        """A page of memories, and the number that the next page starts after."""
        self.get(store_id)
        limit = min(limit, 20 if full else 100)
        rows = self._store.rows(
            "SELECT * FROM memories WHERE store_id = ? AND number > ? AND substr(path, 1, ?) = ? ORDER BY number LIMIT ?",
            *(store_id, after, len(prefix), prefix, limit + 1),
        )
        return [_shape(row, full=full) for row in rows[:limit]], rows[limit - 1]["number"] if len(rows) > limit else None

    def contents(self, store_id: str) -> dict[str, str]:
        """Path to content of the whole store."""
        return {row["path"]: row["content"] for row in self._store.rows("SELECT path, content FROM memories WHERE store_id = ?", store_id)}

    def memory(self, store_id: str, memory_id: str, *, full: bool = True) -> dict[str, Any]:
        """One memory."""
        return _shape(self._find(store_id, memory_id), full=full)

    def add(self, store_id: str, asked: MemoryCreate, *, full: bool = False) -> dict[str, Any]:
        """A new memory.

        Raises:
            ConflictError: the path is taken.
        """
        self.get(store_id)
        _check_path(asked.path)
        _check_content(asked.content)
        held = self._store.rows("SELECT path FROM memories WHERE store_id = ?", store_id)
        if any(row["path"] == asked.path for row in held):
            raise ConflictError(f"a memory already exists at {asked.path}", code="memory_path_conflict")
        if len(held) >= MOST_MEMORIES:
            raise InvalidRequestError(f"a memory store holds at most {MOST_MEMORIES} memories")
        memory_id, now = new_id("mem"), now_text()
        self._store.run(
            "INSERT INTO memories (id, store_id, version_id, path, content, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(memory_id, store_id, new_id("memver"), asked.path, asked.content or "", now, now),
        )
        return self.memory(store_id, memory_id, full=full)

    def change(self, store_id: str, memory_id: str, asked: MemoryUpdate, *, full: bool = False) -> dict[str, Any]:
        """Change content, path or both.

        Raises:
            ConflictError: the precondition doesn't hold, or the new path is taken.
        """
        row = self._find(store_id, memory_id)
        if asked.precondition and asked.precondition.content_sha256 != _sha256(row["content"]):
            raise ConflictError("the memory has changed since it was read", code="memory_precondition_failed")
        path, content = asked.path or row["path"], row["content"] if asked.content is None else asked.content
        _check_path(path)
        _check_content(content)
        if self._store.row("SELECT 1 FROM memories WHERE store_id = ? AND path = ? AND id != ?", store_id, path, memory_id):
            raise ConflictError(f"a memory already exists at {path}", code="memory_path_conflict")
        sql = "UPDATE memories SET path = ?, content = ?, version_id = ?, updated_at = ? WHERE id = ?"
        self._store.run(sql, path, content, new_id("memver"), now_text(), memory_id)
        return self.memory(store_id, memory_id, full=full)

    def delete(self, store_id: str, memory_id: str, expected_sha256: str | None) -> None:
        """Remove a memory.

        Raises:
            ConflictError: its content isn't what the caller expects.
        """
        row = self._find(store_id, memory_id)
        if expected_sha256 is not None and expected_sha256 != _sha256(row["content"]):
            raise ConflictError("the memory has changed since it was read", code="memory_precondition_failed")
        self._store.run("DELETE FROM memories WHERE id = ?", memory_id)

    def _find(self, store_id: str, memory_id: str) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM memories WHERE id = ? AND store_id = ?", memory_id, store_id)
        if row is None:
            raise NotFoundError(f"memory {memory_id} not found")
        return row


def slug(name: str) -> str:
    """The folder below `/mnt/memory` that a store's name becomes."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "store"


def _check_path(path: str) -> None:
    segments = path.split("/")[1:]
    clean = all(segment not in ("", ".", "..") for segment in segments) and 1 <= len(segments) <= 20 and path.startswith("/")
    printable = not any(unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") for char in path)
    if not (clean and printable and len(path.encode()) <= 1024 and unicodedata.is_normalized("NFC", path)):
        raise InvalidRequestError(f"{path!r} is no memory path: `/` and 1 to 20 clean segments, at most 1024 bytes")


def _check_content(content: str | None) -> None:
    if content is not None and len(content.encode()) > LONGEST_CONTENT_BYTES:
        raise InvalidRequestError(f"a memory holds at most {LONGEST_CONTENT_BYTES} bytes")


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def _shape(row: sqlite3.Row, *, full: bool) -> dict[str, Any]:
    return {
        "id": row["id"],
        "type": "memory",
        "memory_store_id": row["store_id"],
        "memory_version_id": row["version_id"],
        "path": row["path"],
        "content": row["content"] if full else None,
        "content_sha256": _sha256(row["content"]),
        "content_size_bytes": len(row["content"].encode()),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
