"""The worker's own lease calls end here: the dispatcher holds the real lease. Called by `sandbox_side`.

Answers are in the control plane's form. A worker compares `last_heartbeat` as an opaque string, and so does this.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

from aiohttp import web
from pydantic import JsonValue

from domicile_host.gateway import body, posts
from domicile_host.gateway.refusal import Refused
from domicile_host.gateway.routes import Call
from domicile_host.gateway.session import Session

TTL_SECONDS = 300
"""As the control plane's: workers beat every 30 s and keep trying to post a result for this long."""

FIRST = "NO_HEARTBEAT"
NOTICE_SECONDS = 1.0
"""The dispatcher hears of a worker's heartbeats at most this often."""


async def heartbeat(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    if await body.read(request, 1024) not in (b"", b"{}"):
        raise Refused("body-shape", 400, "a heartbeat has no body")
    state = "stopped" if session.stopped else "stopping" if session.stopping else "active"
    expected = call.query.get("expected_last_heartbeat")
    if expected is not None and state == "active" and session.beats and expected not in session.beats:
        raise _precondition_failed(session.beats[-1], state)
    # The value before the last one stays good: a worker whose answer got lost asks with it again.
    last = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    session.beats = (session.beats[-1] if session.beats else expected or FIRST, last)
    now = monotonic()
    if session.beat_at is None or now - session.beat_at >= NOTICE_SECONDS:
        session.publish("heartbeat")
    session.beat_at = now
    answer: dict[str, JsonValue] = {
        "type": "work_heartbeat",
        "last_heartbeat": last,
        "lease_extended": state == "active",
        "state": state,
        "ttl_seconds": TTL_SECONDS,
    }
    return body.json_answer(200, answer, {})


def _precondition_failed(last: str, state: str) -> Refused:
    current: dict[str, JsonValue] = {"last_heartbeat": last, "lease_extended": False, "state": state, "ttl_seconds": TTL_SECONDS}
    details: dict[str, JsonValue] = {"error_code": "heartbeat_precondition_failed", "current_state": current}
    return Refused("heartbeat-order", 412, "the expected heartbeat isn't the last one: another worker serves this item", details)


async def stop(session: Session, _call: Call, request: web.BaseRequest) -> web.StreamResponse:
    given = await body.read(request, 1024)
    if given:
        posts.read_shape(posts.Force, posts.read_json(given))
    if not session.stopped:
        session.stopped = True
        session.publish("worker-stopped")
    return web.Response(status=204)
