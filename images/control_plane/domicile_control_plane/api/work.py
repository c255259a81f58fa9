"""`/v1/environments/{id}/work`: the queue, and per endpoint the credentials that it accepts."""

from __future__ import annotations

from aiohttp import web

from ..errors import ConflictError
from ..shapes import WorkStop, WorkUpdate
from ..work import RECLAIM_MS, check_poll
from .access import after, body, caller, limit, number, of_environment, of_item, one, page, rooms

routes = web.RouteTableDef()
BASE = "/v1/environments/{environment_id}/work"


@routes.get(BASE + "/poll", name="work.poll")
async def poll(request: web.Request) -> web.Response:
    """Claim an item; an empty queue is `200 null`, not 204."""
    who = caller(request, "environment key")
    environment_id = of_environment(request, who)
    block_ms, reclaim_ms = number(request, "block_ms"), number(request, "reclaim_older_than_ms")
    reclaim_ms = RECLAIM_MS if reclaim_ms is None else reclaim_ms
    check_poll(block_ms, reclaim_ms)
    return one(await rooms(request).queue.poll(environment_id, request.headers.get("anthropic-worker-id"), block_ms, reclaim_ms))


@routes.get(BASE + "/stats", name="work.stats")
async def stats(request: web.Request) -> web.Response:
    """Numbers of the queue."""
    who = caller(request, "API key", "environment key")
    return one(rooms(request).queue.stats(of_environment(request, who)))


@routes.get(BASE, name="work.list")
async def index(request: web.Request) -> web.Response:
    """A page of items: environment key only."""
    who = caller(request, "environment key")
    return page(*rooms(request).queue.page(of_environment(request, who), limit(request, 20, 100), after(request)))


@routes.get(BASE + "/{work_id}", name="work.retrieve")
async def retrieve(request: web.Request) -> web.Response:
    """One item: API key only."""
    who = caller(request, "API key")
    return one(rooms(request).queue.get(of_environment(request, who), request.match_info["work_id"]))


@routes.post(BASE + "/{work_id}", name="work.update")
async def update(request: web.Request) -> web.Response:
    """Merge metadata: API key only."""
    who = caller(request, "API key")
    asked = await body(request, WorkUpdate)
    return one(rooms(request).queue.update(of_environment(request, who), request.match_info["work_id"], asked.metadata))


@routes.post(BASE + "/{work_id}/ack", name="work.ack")
async def ack(request: web.Request) -> web.Response:
    """Take a claimed item."""
    who = caller(request, "environment key")
    return one(rooms(request).queue.ack(of_environment(request, who), request.match_info["work_id"]))


@routes.post(BASE + "/{work_id}/heartbeat", name="work.heartbeat")
async def heartbeat(request: web.Request) -> web.Response:
    """Extend the lease."""
    who = caller(request, "environment key", "item token")
    environment_id, work_id = of_environment(request, who), of_item(request, who)
    expected, ttl = request.query.get("expected_last_heartbeat"), number(request, "desired_ttl_seconds")
    return one(rooms(request).queue.heartbeat(environment_id, work_id, expected, ttl, who.current))


@routes.post(BASE + "/{work_id}/stop", name="work.stop")
async def stop(request: web.Request) -> web.Response:
    """Stop an item; the live server answers 204."""
    who = caller(request, "environment key", "item token", "API key")
    environment_id, work_id = of_environment(request, who), of_item(request, who)
    if not who.current:
        raise ConflictError(f"work item {work_id} has gone back to the queue", code="work_lease_lost")
    rooms(request).queue.stop(environment_id, work_id, force=(await body(request, WorkStop)).force)
    return web.Response(status=204)
