"""`/v1/sessions`: sessions, their events, and the stream of what comes next."""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from ..errors import InvalidRequestError
from ..sessions import Event, check_resources
from ..shapes import SendEvents, SessionCreate
from .access import after, body, caller, limit, of_session, one, page, rooms

routes = web.RouteTableDef()
LARGEST_PAGE = 1000
ON_RECEIPT = ("user.tool_result", "user.custom_tool_result", "user.define_outcome")


@routes.post("/v1/sessions", name="sessions.create")
async def create(request: web.Request) -> web.Response:
    """Create a session and queue its work item."""
    caller(request, "API key")
    asked, held = await body(request, SessionCreate), rooms(request)
    environment = held.environments.get(asked.environment_id)
    if environment.archived_at is not None:
        raise InvalidRequestError(f"environment {environment.id} is archived", code="environment_archived")
    stores = check_resources(environment.id, environment.config.type == "self_hosted", asked.resources)
    resources = [held.memory.attachment(store.memory_store_id, store.access, store.mount_path) for store in stores]
    session_id = held.sessions.create(asked, resources, queue=environment.config.type == "self_hosted")
    if asked.initial_events:
        held.sessions.receive(session_id, asked.initial_events)
    return one(held.sessions.get(session_id))


@routes.get("/v1/sessions", name="sessions.list")
async def index(request: web.Request) -> web.Response:
    """All sessions, newest first, in one page."""
    caller(request, "API key")
    return page(rooms(request).sessions.all(), None)


@routes.get("/v1/sessions/{session_id}", name="sessions.retrieve")
async def retrieve(request: web.Request) -> web.Response:
    """One session."""
    return one(of_session(request, caller(request, "API key", "environment key", "item token")))


@routes.post("/v1/sessions/{session_id}/archive", name="sessions.archive")
async def archive(request: web.Request) -> web.Response:
    """End a session that isn't running."""
    session = of_session(request, caller(request, "API key"))
    if session["status"] == "running":
        raise InvalidRequestError("a running session can't be archived: interrupt it first")
    rooms(request).sessions.archive(session["id"])
    return one(rooms(request).sessions.get(session["id"]))


@routes.get("/v1/sessions/{session_id}/events", name="events.list")
async def events(request: web.Request) -> web.Response:
    """A page of the history, oldest first unless asked otherwise."""
    session = of_session(request, caller(request, "API key", "environment key", "item token"))
    order = request.query.get("order", "asc")
    if order not in ("asc", "desc"):
        raise InvalidRequestError("order: must be asc or desc")
    types = [*request.query.getall("types", []), *request.query.getall("types[]", [])]
    found = rooms(request).sessions.history(
        session["id"], after=after(request), limit=limit(request, 100, LARGEST_PAGE), newest_first=order == "desc", types=types
    )
    return page(*found)


@routes.post("/v1/sessions/{session_id}/events", name="events.send")
async def send(request: web.Request) -> web.Response:
    """Take user events, all or none."""
    session = of_session(request, caller(request, "API key", "environment key", "item token"))
    stored = rooms(request).sessions.receive(session["id"], (await body(request, SendEvents)).events)
    return one({"data": [event if event["type"] in ON_RECEIPT else {**event, "processed_at": None} for event in stored]})


@routes.get("/v1/sessions/{session_id}/events/stream", name="events.stream")
async def stream(request: web.Request) -> web.StreamResponse:
    """Events from now on, as server-sent events; comments keep the connection alive."""
    held = rooms(request)
    session = of_session(request, caller(request, "API key", "environment key", "item token"))
    response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"})
    with held.sessions.stream(session["id"]) as queue:
        await response.prepare(request)
        await response.write(b": open\n\n")
        try:
            await _copy(queue, response, held.keepalive_seconds)
        except ConnectionResetError:
            return response
    return response


async def _copy(queue: asyncio.Queue[Event | None], response: web.StreamResponse, keepalive_seconds: float) -> None:
    while True:
        try:
            event = await asyncio.wait_for(queue.get(), keepalive_seconds)
        except TimeoutError:
            await response.write(b": keepalive\n\n")
            continue
        if event is None:
            return
        await response.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
