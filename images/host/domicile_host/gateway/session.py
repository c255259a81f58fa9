"""One bound session: what it may reach, what is known of its calls, its limits.

`register` keeps one per source; the `*_calls` modules serve its requests. Whatever a worker is shown, the gateway has read and
recorded before; whatever it needs and hasn't seen, it reads itself with the item's token, so that a restart loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from urllib.parse import quote

import structlog
from pydantic import JsonValue

from domicile_host.audit.event import Outcome
from domicile_host.gateway import upstream
from domicile_host.gateway.ahead import Ahead
from domicile_host.gateway.binding import Binding, BindingStatus, GatewayEvent
from domicile_host.gateway.ledger import END_EVENTS, UNSETTLED, Ledger, Standing, ToolCall, text
from domicile_host.gateway.metrics import Metrics
from domicile_host.gateway.records import Records
from domicile_host.gateway.refusal import Allowance, RefusalBook, Refused, Unavailable

log = structlog.get_logger("gateway")

STREAMS = 4
"""Event streams at once: one, and those that a reconnecting worker has left half closed."""
ACTIVE = 32
"""Requests served at once: as many as the official workers upload memories in parallel."""
WAITING = 256
"""Requests that wait for a place among those; the next is refused."""
BURST, PER_SECOND = 600, 10.0
"""Requests at once and in the long run: one session can't use up the organisation's rate limit (1,200 reads a minute)."""
BURST_BYTES, BYTES_PER_SECOND = 64 << 20, 2 << 20
"""Bodies at once and in the long run: reading the largest takes a third of a second, in which no other session is served."""


@dataclass(frozen=True)
class Attached:
    """What the control plane says is attached to a session."""

    skills: Mapping[str, frozenset[str]]
    """The versions named of each skill."""
    stores: Mapping[str, bool]
    """Memory stores, and whether they may be written."""


@dataclass
class Traces:
    """Ids that the control plane gave in answers to this session."""

    skill_versions: dict[str, set[str]] = field(default_factory=dict)
    memories: dict[str, set[str]] = field(default_factory=dict)


class Session:
    """One binding in force."""

    def __init__(
        self,
        binding: Binding,
        api: upstream.Upstream,
        records: Records,
        metrics: Metrics,
        book: RefusalBook,
        publish: Callable[[GatewayEvent], None],
    ) -> None:
        self.binding = binding
        self.api = api
        self.records = records
        self.metrics = metrics
        self.book = book
        self.ledger = Ledger(binding.custom_tools)
        self.traces = Traces()
        self.taken = self.stopping = self.stopped = self.ended = self.gone = False
        self.beats: tuple[str, ...] = ()
        self.beat_at: float | None = None
        self.accepted = 0
        self.ahead: Ahead | None = None
        self.streams: set[asyncio.Task[object]] = set()
        self.posting = asyncio.Lock()
        """Held by the one post of a result that is under way: tools run one at a time in a session."""
        self._publish = publish
        self._allowance = Allowance(BURST, PER_SECOND)
        self._volume = Allowance(BURST_BYTES, BYTES_PER_SECOND)
        self._active = asyncio.Semaphore(ACTIVE)
        self._inside = 0
        self._attached: Attached | None = None
        self._reading = asyncio.Lock()
        self._recording = asyncio.Lock()
        self._unrecorded: dict[str, tuple[str, Outcome, Mapping[str, JsonValue]]] = {}
        self._confirmations: set[str] = set()
        self._open_streams = 0
        self._gap = 0
        """Counts the times in which no stream was open, so that events may have been missed."""
        self._read_since_gap = False

    # --- admission -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """A place among the requests served at once. Raises `Refused` when too many wait."""
        if not self._allowance.take():
            raise Refused("request-rate", 429, "too many requests: wait a moment")
        if self._inside >= ACTIVE + WAITING:
            raise Refused("requests-at-once", 429, "too many requests at once: wait for some to end")
        self._inside += 1
        try:
            async with self._active:
                self.check_bound()
                yield
        finally:
            self._inside -= 1

    def take_volume(self, size: int) -> None:
        """Counts a body. Raises `Refused` when the session has sent too much of late; the worker sends it again."""
        if not self._volume.take(size):
            raise Refused("body-rate", 429, "too much was posted of late: wait a moment")

    def check_bound(self) -> None:
        """Raises `Refused` once the binding is gone."""
        if self.gone:
            raise Refused("unbound", 401, "this session isn't served here any more")

    def publish(self, event: str) -> None:
        """Tells the dispatcher."""
        fields = {"source": self.binding.source, "session_id": self.binding.session_id, "work_id": self.binding.work_id}
        self._publish(GatewayEvent.model_validate({"event": event, **fields}))

    def status(self) -> BindingStatus:
        state = "stopped" if self.stopped else "stopping" if self.stopping else "taken" if self.taken else "bound"
        return BindingStatus.model_validate(
            {
                "source": self.binding.source,
                "sandbox_id": self.binding.sandbox_id,
                "session_id": self.binding.session_id,
                "work_id": self.binding.work_id,
                "state": state,
                "heartbeat_age_seconds": None if self.beat_at is None else round(monotonic() - self.beat_at, 3),
                "streams": self._open_streams,
                "open_calls": self.ledger.open_calls(),
                "results": self.accepted,
                "refusals": self.book.total,
            }
        )

    @property
    def token(self) -> str | None:
        return self.binding.token.get_secret_value() if self.binding.token else None

    # --- what is attached ----------------------------------------------------------------------------------------

    async def attached(self, *, anew: bool = False) -> Attached:
        """Skills and memory stores of the session, read once, and again when `anew`. Raises `Unavailable`."""
        if self._attached is None or anew:
            self.see_session(await self.read(f"/v1/sessions/{self.binding.session_id}"))
        if self._attached is None:
            raise Unavailable("upstream", 502, "the control plane's answer isn't a session")
        return self._attached

    def see_session(self, value: JsonValue) -> None:
        """Takes in a session as the control plane gave it."""
        if not isinstance(value, dict) or value.get("id") != self.binding.session_id:
            raise Unavailable("upstream", 502, "the control plane's answer isn't this session")
        agent = value.get("agent")
        skills: dict[str, frozenset[str]] = {}
        for skill in _objects(agent.get("skills") if isinstance(agent, dict) else None):
            name, version = str(skill.get("skill_id", "")), str(skill.get("version") or "latest")
            skills[name] = skills.get(name, frozenset()) | {version}
        stores = {
            str(resource.get("memory_store_id", "")): resource.get("access") in (None, "read_write")
            for resource in _objects(value.get("resources"))
            if resource.get("type") == "memory_store"
        }
        self._attached = Attached(skills, stores)

    async def read(self, target: str) -> JsonValue:
        """The gateway's own read of something of this session. Raises `Unavailable` for anything but a 200."""
        status, value = await self.api.get_json(target, self.token, upstream.OWN_HEADERS)
        if status != 200:
            raise Unavailable("upstream", 502, f"the control plane answered {status} to the gateway's own read")
        return value

    async def look_up(self, target: str) -> JsonValue:
        """As `read`, with None for what the control plane says isn't there."""
        status, value = await self.api.get_json(target, self.token, upstream.OWN_HEADERS)
        if status not in (200, 404):
            raise Unavailable("upstream", 502, f"the control plane answered {status} to the gateway's own read")
        return value if status == 200 else None

    # --- what is known of the calls --------------------------------------------------------------------------------

    def stream_opened(self) -> None:
        if self._open_streams == 0:
            self._gap += 1
            self._read_since_gap = False
        self._open_streams += 1

    def stream_closed(self) -> None:
        self._open_streams -= 1
        if self._open_streams == 0:
            self._gap += 1
            self._read_since_gap = False

    @property
    def gap(self) -> int:
        """To be given to `history_read`, as it was when the read began."""
        return self._gap

    def history_read(self, gap: int) -> None:
        """The whole history has been taken in: nothing is missing while the stream that was open then stays open."""
        if gap == self._gap and self._open_streams:
            self._read_since_gap = True

    async def read_history(self) -> None:
        """Reads the session's whole event history. Raises `Unavailable`."""
        async with self._reading:
            gap, page = self._gap, ""
            while True:
                value = await self.read(f"/v1/sessions/{self.binding.session_id}/events?limit=1000{page}")
                cursor = await self.take_page(value)
                if cursor is None:
                    break
                page = f"&page={quote(cursor, safe='')}"
            self.history_read(gap)

    async def take_page(self, value: JsonValue) -> str | None:
        """Learns a page of the history and records what is new; gives the next page's cursor. Raises `Unavailable`.

        Calls that had their answer before this gateway knew them are recorded as one sum: their records were written then.
        """
        if not isinstance(value, dict) or not isinstance(value.get("data"), list):
            raise Unavailable("upstream", 502, "the control plane's answer isn't a page of events")
        events = _objects(value["data"])
        calls = [call for call in map(self.ledger.learn, events) if call is not None]
        over = [call for call in calls if self.ledger.answered(call.id)]
        for call in calls:
            if not self.ledger.answered(call.id):
                self._note_call(call, "history")
        if over:
            first, last = over[0].id, over[-1].id
            self._unrecorded[f"history {first}"] = (
                "gateway.history",
                "success",
                {"answered_calls": len(over), "first_call_id": first, "last_call_id": last},
            )
        for event in events:
            if text(event, "type") == "user.tool_confirmation" and not self.ledger.answered(text(event, "tool_use_id")):
                self._note_confirmation(event)
        await self.record()
        cursor = value.get("next_page")
        return cursor if isinstance(cursor, str) and cursor else None

    def take_live(self, event: Mapping[str, JsonValue]) -> None:
        """Learns an event of the stream; `record` makes durable what is to be recorded of it."""
        call = self.ledger.learn(event)
        if call is not None:
            self._note_call(call, "stream")
        elif text(event, "type") == "user.tool_confirmation":
            self._note_confirmation(event)
        elif text(event, "type") in END_EVENTS and not self.ended:
            self.ended = True
            self.publish("session-ended")

    async def record(self) -> None:
        """Writes what has been learned and isn't recorded yet. Raises `Unavailable`: then nothing of it may be passed on."""
        async with self._recording:
            pending = dict(self._unrecorded)
            if not pending:
                return
            await self.records.write_all([(activity, outcome, detail) for activity, outcome, detail in pending.values()], self.binding)
            for key in pending:
                del self._unrecorded[key]

    def _note_call(self, call: ToolCall, learned_from: str) -> None:
        self.metrics.calls.inc()
        detail: dict[str, JsonValue] = {
            "call_id": call.id,
            "tool": call.tool,
            "kind": call.kind,
            "permission": call.permission,
            "thread": call.thread,
            "here": self.ledger.owns(call),
            "learned_from": learned_from,
            "input": self.records.content(call.input),
        }
        self._unrecorded[f"call {call.id}"] = ("gateway.call", "success", detail)

    def _note_confirmation(self, event: Mapping[str, JsonValue]) -> None:
        event_id, call_id, result = text(event, "id"), text(event, "tool_use_id"), text(event, "result")
        if event_id not in self._confirmations:
            self._confirmations.add(event_id)
            outcome: Outcome = "allowed" if result == "allow" else "refused"
            detail: dict[str, JsonValue] = {"call_id": call_id, "event_id": event_id, "result": result}
            self._unrecorded[f"confirmation {event_id}"] = ("gateway.confirmation", outcome, detail)

    async def judge(self, kind: str, call_id: str, digest: str) -> Standing:
        """Whether a result may be posted now, after a look at the history where that could matter.

        Raises `Refused`, and `Unavailable` when the history is needed and can't be read.
        """
        try:
            standing = self.ledger.judge(kind, call_id, digest)
        except Refused as refused:
            if refused.rule not in UNSETTLED or self.book.flooded:
                raise
        else:
            if standing is Standing.ACCEPTED or (standing is Standing.FIRST and self._read_since_gap):
                return standing
        await self.read_history()
        return self.ledger.judge(kind, call_id, digest)


def _objects(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
