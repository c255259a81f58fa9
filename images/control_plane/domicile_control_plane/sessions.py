"""Sessions, their events and their calls: what workers read and answer, and what a brain emits.

`api.sessions` serves it; `brain` drives it. An event is stored, then handed to every open stream of its session; streams replay nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, Protocol

from .errors import InvalidRequestError, NotFoundError
from .shapes import (
    MemoryStoreResource,
    SessionCreate,
    SkillReference,
    UserCustomToolResult,
    UserDefineOutcome,
    UserEvent,
    UserInterrupt,
    UserMessage,
    UserToolConfirmation,
    UserToolResult,
)
from .stamps import new_id, now_text
from .store import Store
from .work import WorkQueue

Event = dict[str, Any]
CallState = Literal["ask", "open", "answered", "denied", "dropped"]
UNRESOLVED = ("ask", "open")


class Brain(Protocol):
    """What decides how a session goes on."""

    def received(self, session_id: str, event: Event) -> None:
        """A user event was accepted and stored."""

    def archived(self, session_id: str) -> None:
        """The session was ended from outside."""


class Sessions:
    """All sessions."""

    def __init__(self, store: Store, queue: WorkQueue) -> None:
        self._store = store
        self._queue = queue
        self._streams: dict[str, set[asyncio.Queue[Event | None]]] = defaultdict(set)
        self.brain: Brain | None = None
        self.watchers: list[Callable[[str, str], None]] = []

    def create(self, asked: SessionCreate, resources: list[dict[str, Any]], *, queue: bool = True) -> str:
        """Make a session, idle at first, and queue its work item; its id."""
        session_id, now = new_id("sesn"), now_text()
        body = {
            "agent": _agent(asked),
            "metadata": asked.metadata,
            "resources": resources,
            "title": asked.title,
            "vault_ids": asked.vault_ids,
        }
        with self._store.transaction():
            self._store.run(
                "INSERT INTO sessions VALUES (?, ?, 'idle', ?, ?, ?, NULL)", session_id, asked.environment_id, json.dumps(body), now, now
            )
            if queue:
                self._queue.enqueue(asked.environment_id, session_id)
        return session_id

    def get(self, session_id: str) -> dict[str, Any]:
        """The session in the API's form.

        Raises:
            NotFoundError: there is none with this id.
        """
        row = self._store.row("SELECT * FROM sessions WHERE id = ?", session_id)
        if row is None:
            raise NotFoundError(f"session {session_id} not found")
        body = json.loads(row["body"])
        return {
            "id": session_id,
            "type": "session",
            "status": row["status"],
            "environment_id": row["environment_id"],
            **body,
            "outcome_evaluations": [],
            "stats": {},
            "usage": {},
            "budget": None,
            "created_at": row["created_at"],
            "updated_at": row["updated_at"],
            "archived_at": row["archived_at"],
        }

    def all(self, environment_id: str | None = None) -> list[dict[str, Any]]:
        """All sessions, newest first."""
        sql = "SELECT id FROM sessions WHERE ? IS NULL OR environment_id = ? ORDER BY created_at DESC"
        return [self.get(row["id"]) for row in self._store.rows(sql, environment_id, environment_id)]

    def history(self, session_id: str, *, after: int, limit: int, newest_first: bool, types: list[str]) -> tuple[list[Event], int | None]:
        """A page of events, and the number that the next page starts after."""
        self.get(session_id)
        sql = "SELECT number, body FROM events WHERE session_id = ?"
        values: list[Any] = [session_id]
        if after:
            sql += " AND number < ?" if newest_first else " AND number > ?"
            values.append(after)
        if types:
            sql += f" AND type IN ({','.join('?' * len(types))})"
            values += types
        sql += f" ORDER BY number {'DESC' if newest_first else 'ASC'} LIMIT ?"
        rows = self._store.rows(sql, *values, limit + 1)
        return [json.loads(row["body"]) for row in rows[:limit]], rows[limit - 1]["number"] if len(rows) > limit else None

    def events(self, session_id: str) -> list[Event]:
        """Every event, oldest first."""
        return [
            json.loads(row["body"]) for row in self._store.rows("SELECT body FROM events WHERE session_id = ? ORDER BY number", session_id)
        ]

    @contextmanager
    def stream(self, session_id: str) -> Iterator[asyncio.Queue[Event | None]]:
        """Events from now on; `None` ends the stream."""
        self.get(session_id)
        queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._streams[session_id].add(queue)
        try:
            yield queue
        finally:
            self._streams[session_id].discard(queue)

    def cut_streams(self, session_id: str | None = None) -> int:
        """End open event streams (of one session, or all); how many."""
        queues = [queue for name, found in self._streams.items() if session_id in (None, name) for queue in found]
        for queue in queues:
            queue.put_nowait(None)
        return len(queues)

    def emit(self, session_id: str, kind: str, /, **fields: Any) -> Event:
        """Store an event and hand it to the streams; tool calls become open calls, status events change the session."""
        event = {"id": new_id("sevt"), "type": kind, "processed_at": now_text(), **fields}
        with self._store.transaction():
            self._store.run(
                "INSERT INTO events (id, session_id, type, body) VALUES (?, ?, ?, ?)", event["id"], session_id, kind, json.dumps(event)
            )
            self._note_call(session_id, event)
            self._note_status(session_id, event)
            self._store.once_committed(lambda: self._publish(session_id, event))
        return event

    def unresolved(self, session_id: str) -> list[str]:
        """Ids of calls that wait for a confirmation or a result, oldest first."""
        sql = """SELECT c.event_id FROM calls c JOIN events e ON e.id = c.event_id
                 WHERE c.session_id = ? AND c.state IN ('ask', 'open') ORDER BY e.number"""
        return [row["event_id"] for row in self._store.rows(sql, session_id)]

    def call_state(self, event_id: str) -> CallState:
        """How far a call has come."""
        row = self._store.row("SELECT state FROM calls WHERE event_id = ?", event_id)
        if row is None:
            raise NotFoundError(f"call {event_id} not found")
        state: CallState = row["state"]
        return state

    def set_call_state(self, event_id: str, state: CallState) -> None:
        """Move a call on."""
        self._store.run("UPDATE calls SET state = ? WHERE event_id = ?", state, event_id)

    def receive(self, session_id: str, events: list[UserEvent]) -> list[Event]:
        """Take user events, all or none; what was stored.

        Raises:
            InvalidRequestError: the session has ended, or an event answers a call that isn't open for it.
        """
        if self.get(session_id)["status"] == "terminated":
            raise InvalidRequestError(f"session {session_id} is terminated and accepts no events")
        stored: list[Event] = []
        with self._store.transaction():
            for event in events:
                self._admit(session_id, event)
                stored.append(self._keep(session_id, event))
            if self.brain is not None:
                for kept in stored:
                    self.brain.received(session_id, kept)
        return stored

    def wake(self, session_id: str) -> None:
        """Queue a work item for a dormant session: one that has no live item."""
        if self._queue.live_item(session_id) is None:
            self._queue.enqueue(self.get(session_id)["environment_id"], session_id)

    def archive(self, session_id: str) -> None:
        """End the session for good."""
        with self._store.transaction():
            self._store.run("UPDATE sessions SET archived_at = ? WHERE id = ?", now_text(), session_id)
            self.emit(session_id, "session.status_terminated")
            if self.brain is not None:
                self.brain.archived(session_id)

    def _admit(self, session_id: str, event: UserEvent) -> None:
        match event:
            case UserToolResult(tool_use_id=call):
                self._require_call(session_id, call, "tool", "open")
                self.set_call_state(call, "answered")
            case UserCustomToolResult(custom_tool_use_id=call):
                self._require_call(session_id, call, "custom", "open")
                self.set_call_state(call, "answered")
            case UserToolConfirmation(tool_use_id=call, result=result):
                self._require_call(session_id, call, "tool", "ask")
                self.set_call_state(call, "open" if result == "allow" else "denied")
            case UserMessage() | UserInterrupt() | UserDefineOutcome():
                pass

    def _require_call(self, session_id: str, call: str, kind: str, state: CallState) -> None:
        row = self._store.row("SELECT * FROM calls WHERE event_id = ? AND session_id = ?", call, session_id)
        if row is None or row["kind"] != kind:
            raise InvalidRequestError(f"{call} is no {kind} call of session {session_id}", code="unknown_call")
        if row["state"] != state:
            raise InvalidRequestError(f"call {call} is {row['state']}, not {state}", code="call_not_open")

    def _keep(self, session_id: str, event: UserEvent) -> Event:
        fields = event.model_dump(exclude_none=True)
        kept = {"id": new_id("sevt"), **fields, "processed_at": now_text()}
        sql = "INSERT INTO events (id, session_id, type, body) VALUES (?, ?, ?, ?)"
        self._store.run(sql, kept["id"], session_id, event.type, json.dumps(kept))
        self._store.once_committed(lambda: self._publish(session_id, kept))
        return kept

    def _publish(self, session_id: str, event: Event) -> None:
        for queue in self._streams[session_id]:
            queue.put_nowait(event)
        for watcher in self.watchers:
            watcher(session_id, event["type"])

    def _note_call(self, session_id: str, event: Event) -> None:
        if event["type"] not in ("agent.tool_use", "agent.custom_tool_use"):
            return
        kind = "tool" if event["type"] == "agent.tool_use" else "custom"
        state = {"ask": "ask", "deny": "denied"}.get(event.get("evaluated_permission", "allow"), "open")
        self._store.run("INSERT INTO calls VALUES (?, ?, ?, ?, ?)", event["id"], session_id, kind, event["name"], state)

    def _note_status(self, session_id: str, event: Event) -> None:
        status = {"session.status_running": "running", "session.status_idle": "idle", "session.status_terminated": "terminated"}
        if event["type"] in status:
            self._store.run("UPDATE sessions SET status = ?, updated_at = ? WHERE id = ?", status[event["type"]], now_text(), session_id)


def check_resources(environment_id: str, self_hosted: bool, resources: list[dict[str, Any]]) -> list[MemoryStoreResource]:
    """Only memory stores can be attached to a session of a self-hosted environment.

    Raises:
        InvalidRequestError: with the service's own words (documentation of 2026-10).
    """
    if self_hosted and any(resource.get("type") != "memory_store" for resource in resources):
        raise InvalidRequestError(
            f"Environment {environment_id} is a self-hosted environment. `resources` are not supported with self-hosted environments."
        )
    return [MemoryStoreResource.model_validate(resource) for resource in resources]


def _agent(asked: SessionCreate) -> dict[str, Any]:
    agent = asked.agent
    skills: list[SkillReference] = [] if isinstance(agent, str) else agent.skills
    toolset = {
        "type": "agent_toolset_20260401",
        "configs": [],
        "default_config": {"enabled": True, "permission_policy": {"type": "always_allow"}},
    }
    return {
        "id": agent if isinstance(agent, str) else agent.id,
        "type": "agent",
        "version": 1,
        "name": "agent" if isinstance(agent, str) else agent.name,
        "description": None,
        "model": {"id": "scripted", "speed": "standard"},
        "system": None if isinstance(agent, str) else agent.system,
        "skills": [skill.model_dump() for skill in skills],
        "tools": [toolset] if isinstance(agent, str) or agent.tools is None else agent.tools,
        "mcp_servers": [],
        "multiagent": None,
        "execution_identity": {"type": "service_account"},
    }
