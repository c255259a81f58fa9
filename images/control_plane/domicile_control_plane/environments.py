"""Environments: whose queue is whose. Served by `api.environments`; made by the admin API too."""

from __future__ import annotations

import json

from .errors import InvalidRequestError, NotFoundError
from .shapes import Environment, EnvironmentCreate, EnvironmentUpdate
from .stamps import new_id, now_text
from .store import Store


class Environments:
    """All environments of the workspace."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, asked: EnvironmentCreate, environment_id: str | None = None) -> Environment:
        """A new environment; a given id is for tests and for a stack that names its own."""
        now = now_text()
        made = Environment(id=environment_id or new_id("env"), created_at=now, updated_at=now, **dict(asked))
        self._store.run("INSERT INTO environments VALUES (?, ?, NULL, ?)", made.id, made.model_dump_json(), now)
        return made

    def get(self, environment_id: str) -> Environment:
        """One environment.

        Raises:
            NotFoundError: there is none with this id.
        """
        row = self._store.row("SELECT body FROM environments WHERE id = ?", environment_id)
        if row is None:
            raise NotFoundError(f"environment {environment_id} not found")
        return Environment.model_validate_json(row["body"])

    def page(self, *, archived: bool, limit: int, after: int) -> tuple[list[Environment], int | None]:
        """A page of environments, oldest first."""
        rows = self._store.rows(
            "SELECT rowid AS number, body FROM environments WHERE (? OR archived_at IS NULL) AND rowid > ? ORDER BY rowid LIMIT ?",
            *(archived, after, limit + 1),
        )
        found = [Environment.model_validate_json(row["body"]) for row in rows[:limit]]
        return found, rows[limit - 1]["number"] if len(rows) > limit else None

    def update(self, environment_id: str, asked: EnvironmentUpdate) -> Environment:
        """Change name, description or metadata; the kind of configuration is fixed at creation."""
        held = self.get(environment_id)
        if held.archived_at is not None:
            raise InvalidRequestError(f"environment {environment_id} is archived", code="environment_archived")
        if asked.config is not None and asked.config.type != held.config.type:
            raise InvalidRequestError("config.type is fixed when an environment is created", code="invalid_config_type_change")
        given = asked.model_dump(exclude_unset=True, exclude={"metadata", "config"})
        metadata = {key: value for key, value in {**held.metadata, **asked.metadata}.items() if value}
        return self._keep(held.model_copy(update={**given, "metadata": metadata, "config": asked.config or held.config}))

    def archive(self, environment_id: str) -> Environment:
        """No more new sessions; existing ones go on."""
        held = self.get(environment_id)
        return held if held.archived_at else self._keep(held.model_copy(update={"archived_at": now_text()}))

    def delete(self, environment_id: str) -> None:
        """Remove an environment that no session refers to."""
        self.get(environment_id)
        if self._store.row("SELECT 1 FROM sessions WHERE environment_id = ?", environment_id):
            raise InvalidRequestError(f"environment {environment_id} is still referred to by sessions: archive it instead")
        self._store.run("DELETE FROM environments WHERE id = ?", environment_id)

    def _keep(self, changed: Environment) -> Environment:
        kept = changed.model_copy(update={"updated_at": now_text()})
        body = json.dumps(kept.model_dump())
        self._store.run("UPDATE environments SET body = ?, archived_at = ? WHERE id = ?", body, kept.archived_at, kept.id)
        return kept
