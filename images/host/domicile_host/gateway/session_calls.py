"""The calls on a session itself: read it, its history, its stream, and post a result. Called by `sandbox_side`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import structlog
from aiohttp import ClientResponse, web
from pydantic import JsonValue

from domicile_host.gateway import body, posts, strict_json, upstream
from domicile_host.gateway.ledger import Standing, result_digest
from domicile_host.gateway.refusal import Refused, Unavailable
from domicile_host.gateway.routes import Call
from domicile_host.gateway.session import STREAMS, Session
from domicile_host.gateway.stream import KEEPALIVE, BrokenStream, StreamReader

log = structlog.get_logger("gateway")

NOT_ACCEPTED = frozenset({400, 401, 403, 404, 413, 415, 422, 429})
"""Answers to a post after which it is sure that nothing was accepted; after any other, or none, it isn't."""

WRITE_SECONDS = 60.0
"""A stream whose reader takes longer than this for one write is cut."""


class _ReaderGone(Exception):
    """The worker doesn't read its stream any more."""


async def session(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    headers = upstream.request_headers(request.headers)
    if session.ahead is not None and (ahead := await session.ahead.session(call.target, headers)) is not None:
        return body.json_answer(200, ahead, {})
    async with session.api.call("GET", call.target, session.token, headers) as response:
        value, answer = await body.from_upstream(response)
        if response.status == 200:
            session.see_session(value)
        return answer


async def history(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    gap, headers = session.gap, upstream.request_headers(request.headers)
    if session.ahead is not None and (ahead := await session.ahead.page(call.target, headers)) is not None:
        if await session.take_page(ahead) is None:
            session.history_read(gap)
        return body.json_answer(200, ahead, {})
    async with session.api.call("GET", call.target, session.token, headers) as response:
        value, answer = await body.from_upstream(response)
        if response.status == 200:
            following = await session.take_page(value)
            if following is None and "page" not in call.query:
                session.history_read(gap)
        return answer


async def result(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    async with session.posting:
        given = await body.read(request, posts.RESULT_BYTES)
        session.take_volume(len(given))
        session.check_bound()
        posted = posts.read_result(given)
        event = posts.write(posted)
        assert isinstance(event, dict)  # noqa: S101 - a model's dump is a dict; said for the type checker
        digest = result_digest(event)
        kind = "toolset" if isinstance(posted, posts.ToolResult) else "custom"
        standing = await session.judge(kind, posted.call_id, digest)
        if standing is Standing.ACCEPTED:
            session.metrics.results.labels("repeated").inc()
            return body.json_answer(200, {"data": []}, {})
        return await _forward(session, call, request, posted, event, digest, standing)


async def _forward(
    session: Session,
    call: Call,
    request: web.BaseRequest,
    posted: posts.Result,
    event: dict[str, JsonValue],
    digest: str,
    standing: Standing,
) -> web.StreamResponse:
    await session.record()
    detail: dict[str, JsonValue] = {"call_id": posted.call_id, "is_error": bool(posted.is_error), "retry": standing is Standing.RETRY}
    output = session.records.content(event.get("content") or [])
    await session.records.write("gateway.result", "allowed", detail | {"output": output}, session.binding)
    session.check_bound()
    session.ledger.attempt(posted.call_id, digest)
    headers = upstream.request_headers(request.headers)
    payload = strict_json.serialise({"events": [event]})
    try:
        async with session.api.call("POST", call.target, session.token, headers, payload) as response:
            outcome = _settle(session, posted.call_id, response)
            await _record_outcome(session, posted.call_id, outcome, response.status)
            return (await body.from_upstream(response))[1]
    except Unavailable as unavailable:
        if unavailable.rule == "upstream" and not session.ledger.answered(posted.call_id):
            await _record_outcome(session, posted.call_id, "unknown", unavailable.status)
        raise


def _settle(session: Session, call_id: str, response: ClientResponse) -> str:
    if 200 <= response.status < 300:
        session.ledger.accept(call_id)
        session.accepted += 1
        return "accepted"
    if response.status in NOT_ACCEPTED:
        session.ledger.withdraw(call_id)
        return "rejected"
    return "unknown"


async def _record_outcome(session: Session, call_id: str, outcome: str, status: int) -> None:
    session.metrics.results.labels(outcome).inc()
    try:
        await session.records.write(
            "gateway.result",
            "success" if outcome == "accepted" else "failure",
            {"call_id": call_id, "answer": outcome, "status": status},
            session.binding,
            reason="" if outcome == "accepted" else f"the control plane's answer: {status}",
        )
    except Unavailable:
        # That the result was sent is on disk already; what the control plane did with it can't be undone here.
        log.warning("outcome-not-recorded", session_id=session.binding.session_id, call_id=call_id, outcome=outcome)


async def stream(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    if len(session.streams) >= STREAMS:
        raise Refused("streams-at-once", 429, f"at most {STREAMS} event streams at once")
    prepared: list[web.StreamResponse] = []
    pump = asyncio.create_task(_pump(session, call, request, prepared))
    session.streams.add(pump)
    try:
        return await pump
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        if not prepared:
            raise Refused("unbound", 401, "this session isn't served here any more") from None
        body.cut(request)
        return prepared[0]
    except (_ReaderGone, BrokenStream, Unavailable) as ended:
        if not prepared:
            raise ended if isinstance(ended, Unavailable) else Unavailable("upstream", 502, f"the control plane sent {ended}") from ended
        log.warning("stream-cut", session_id=session.binding.session_id, why=type(ended).__name__)
        body.cut(request)
        return prepared[0]
    finally:
        session.streams.discard(pump)


async def _pump(session: Session, call: Call, request: web.BaseRequest, prepared: list[web.StreamResponse]) -> web.StreamResponse:
    async with _source(session, call, upstream.request_headers(request.headers)) as source:
        if source.status != 200:
            return (await body.from_upstream(source))[1]
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"})
        response.headers.update(upstream.response_headers(source.headers))
        await response.prepare(request)
        prepared.append(response)
        session.stream_opened()
        session.metrics.streams.inc()
        try:
            await _write(response, KEEPALIVE)
            await _carry(session, source, response)
            return response
        finally:
            session.metrics.streams.dec()
            session.stream_closed()


@asynccontextmanager
async def _source(session: Session, call: Call, headers: Mapping[str, str]) -> AsyncIterator[ClientResponse]:
    """The control plane's stream: the one that was opened ahead, else a new one."""
    if session.ahead is not None and (ahead := await session.ahead.stream(call.target, headers)) is not None:
        try:
            with upstream.told():
                yield ahead
        finally:
            session.ahead.release()
    else:
        async with session.api.call("GET", call.target, session.token, headers, streaming=True) as source:
            yield source


async def _carry(session: Session, source: ClientResponse, response: web.StreamResponse) -> None:
    """Event by event: learned, recorded, then passed on. A reader that doesn't keep up stops the reading of the source."""
    reader = StreamReader()
    async for chunk in source.content.iter_any():
        out = bytearray()
        for event in reader.feed(chunk):
            if isinstance(event.data, dict):
                session.take_live(event.data)
            out += event.encode()
        if out:
            await session.record()
            await _write(response, bytes(out))


async def _write(response: web.StreamResponse, data: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_SECONDS):  # not wait_for, which can lose a cancellation (CPython issue 37658)
            await response.write(data)
    except (TimeoutError, ConnectionError) as error:
        raise _ReaderGone from error
