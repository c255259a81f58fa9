"""The calls on memory stores: those attached to the session, and what is attached read-only is read-only here. Called by `sandbox_side`."""

from __future__ import annotations

from aiohttp import web
from pydantic import JsonValue

from domicile_host.gateway import body, posts, strict_json, upstream
from domicile_host.gateway.refusal import Refused
from domicile_host.gateway.routes import Call
from domicile_host.gateway.session import Session

KNOWN_MEMORIES = 20_000
"""Ids kept per session; beyond it the oldest are asked for again. A store holds at most 2,000 memories, a session 8 stores."""


async def pages(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    await _store(session, call, write=False)
    return await _pass(session, call, request, None)


async def memory(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    await _store(session, call, write=False)
    await _own(session, call)
    return await _pass(session, call, request, None)


async def create(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    await _store(session, call, write=True)
    return await _change(session, call, request, posts.NewMemory)


async def update(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    await _store(session, call, write=True)
    await _own(session, call)
    return await _change(session, call, request, posts.ChangedMemory)


async def delete(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    await _store(session, call, write=True)
    await _own(session, call)
    await _record(session, call, {"expected_sha256": call.query.get("expected_content_sha256")})
    return await _pass(session, call, request, None)


async def _change(
    session: Session, call: Call, request: web.BaseRequest, shape: type[posts.NewMemory] | type[posts.ChangedMemory]
) -> web.StreamResponse:
    given = await body.read(request, posts.SMALL_BYTES)
    session.take_volume(len(given))
    value = posts.write(posts.read_shape(shape, posts.read_json(given)))
    assert isinstance(value, dict)  # noqa: S101 - a model's dump is a dict; said for the type checker
    await _record(session, call, {"content": session.records.content(value["content"]), "path": value.get("path")})
    return await _pass(session, call, request, strict_json.serialise(value))


async def _store(session: Session, call: Call, *, write: bool) -> None:
    """Raises `Refused` unless the store is attached to this session, writable if need be."""
    store_id = call.ids["store_id"]
    stores = (await session.attached()).stores
    if store_id not in stores and not session.book.flooded:
        stores = (await session.attached(anew=True)).stores
    if store_id not in stores:
        raise Refused("own-stores", 403, "this memory store isn't attached to the session")
    if write and not stores[store_id]:
        raise Refused("read-only-store", 403, "this memory store is attached read-only")


async def _own(session: Session, call: Call) -> None:
    """Raises `Refused` unless the memory is one of that store."""
    store_id, memory_id = call.ids["store_id"], call.ids["memory_id"]
    if memory_id in session.traces.memories.get(store_id, set()):
        return
    if not session.book.flooded:
        found = await session.look_up(f"/v1/memory_stores/{store_id}/memories/{memory_id}?view=basic")
        if isinstance(found, dict) and found.get("id") == memory_id and found.get("memory_store_id") in (None, store_id):
            _learn(session, store_id, found)
            return
    raise Refused("own-memories", 404, "this memory store has no such memory")


async def _pass(session: Session, call: Call, request: web.BaseRequest, sent: bytes | None) -> web.StreamResponse:
    headers = upstream.request_headers(request.headers)
    session.check_bound()
    async with session.api.call(call.method, call.target, session.token, headers, sent) as response:
        value, answer = await body.from_upstream(response)
        if response.status == 200 and isinstance(value, dict):
            listed = value.get("data")
            for found in listed if isinstance(listed, list) else [value]:
                _learn(session, call.ids["store_id"], found)
        return answer


def _learn(session: Session, store_id: str, value: JsonValue) -> None:
    known = session.traces.memories.setdefault(store_id, set())
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        if len(known) >= KNOWN_MEMORIES:
            known.clear()
        known.add(str(value["id"]))


async def _record(session: Session, call: Call, detail: dict[str, JsonValue]) -> None:
    """A change of a memory outlives the session, so it is recorded before it goes out."""
    ids: dict[str, JsonValue] = {"store_id": call.ids["store_id"], "memory_id": call.ids.get("memory_id")}
    await session.records.write("gateway.memory", "allowed", {"call": call.route, **ids, **detail}, session.binding)
