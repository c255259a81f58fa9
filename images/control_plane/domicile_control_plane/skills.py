"""Skills and their versions: a folder of files, handed out as a zip with one top folder. Served by `api.skills`, filled by scenarios.

Two dialects read it: newer SDKs ask for `versions/latest`, the Go SDK 1.x lists versions and wants an all-digits `version`.
"""

from __future__ import annotations

import io
import sqlite3
import zipfile
from typing import Any

from .errors import NotFoundError
from .stamps import new_id, now_text
from .store import Store


class Skills:
    """All skills of the workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: str, description: str, files: dict[str, str]) -> str:
        """A skill with its first version; `SKILL.md` is written when the files lack it. The skill's id."""
        skill_id = new_id("skill")
        with self._store.transaction():
            self._store.run("INSERT INTO skills VALUES (?, ?, ?)", skill_id, name, now_text())
            self.add_version(skill_id, description, files)
        return skill_id

    def add_version(self, skill_id: str, description: str, files: dict[str, str]) -> str:
        """A newer version, which `latest` then means; its id."""
        version_id = new_id("skillver")
        archive = _archive(self.name(skill_id), description, files)
        self._store.run(
            "INSERT INTO skill_versions (id, skill_id, description, archive, created_at) VALUES (?, ?, ?, ?, ?)",
            *(version_id, skill_id, description, archive, now_text()),
        )
        return version_id

    def name(self, skill_id: str) -> str:
        """The skill's slug."""
        row = self._store.row("SELECT name FROM skills WHERE id = ?", skill_id)
        if row is None:
            raise NotFoundError(f"skill {skill_id} not found")
        name: str = row["name"]
        return name

    def versions(self, skill_id: str) -> list[dict[str, Any]]:
        """All versions, newest first."""
        name = self.name(skill_id)
        rows = self._store.rows("SELECT * FROM skill_versions WHERE skill_id = ? ORDER BY number DESC", skill_id)
        return [_shape(name, row) for row in rows]

    def version(self, skill_id: str, version: str) -> dict[str, Any]:
        """One version by id, by number or as `latest`."""
        return _shape(self.name(skill_id), self._find(skill_id, version))

    def archive(self, skill_id: str, version: str) -> bytes:
        """The version's zip."""
        content: bytes = self._find(skill_id, version)["archive"]
        return content

    def _find(self, skill_id: str, version: str) -> sqlite3.Row:
        row = self._store.row(
            """SELECT * FROM skill_versions WHERE skill_id = ? AND (? = 'latest' OR id = ? OR CAST(number AS TEXT) = ?)
               ORDER BY number DESC LIMIT 1""",
            *(skill_id, version, version, version),
        )
        if row is None:
            raise NotFoundError(f"skill {skill_id} has no version {version}")
        return row


def _shape(name: str, row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "type": "skill_version",
        "skill_id": row["skill_id"],
        "version": str(row["number"]),
        "name": name,
        "directory": name,
        "description": row["description"],
        "created_at": row["created_at"],
    }


def _archive(name: str, description: str, files: dict[str, str]) -> bytes:
    content = {"SKILL.md": f"---\nname: {name}\ndescription: {description}\n---\n", **files}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(content.items()):
            member = zipfile.ZipInfo(f"{name}/{path}")
            member.external_attr = (0o755 if text.startswith("#!") else 0o644) << 16
            archive.writestr(member, text)
    return buffer.getvalue()
