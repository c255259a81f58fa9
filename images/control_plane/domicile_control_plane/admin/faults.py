"""`/admin/faults…`: disturb the stand-in on purpose, for tests only."""

from __future__ import annotations

from aiohttp import web

from ..api.access import body, one
from ..faults import Fault
from .access import Order, plane

routes = web.RouteTableDef()


class StreamRef(Order):
    """Body of `POST /admin/faults/cut-streams`: unset means every session's."""

    session_id: str | None = None


class WorkRef(Order):
    """Body of `POST /admin/faults/expire-lease`."""

    work_id: str


@routes.post("/admin/faults")
async def order(request: web.Request) -> web.Response:
    """Answer, delay or cut the next requests to a route (see `faults.Fault`)."""
    plane(request).faults.order(await body(request, Fault))
    return web.Response(status=204)


@routes.get("/admin/faults")
async def waiting(request: web.Request) -> web.Response:
    """Orders not used up."""
    return one({"data": [fault.model_dump() for fault in plane(request).faults.waiting()]})


@routes.delete("/admin/faults")
async def clear(request: web.Request) -> web.Response:
    """Forget all orders."""
    plane(request).faults.clear()
    return web.Response(status=204)


@routes.post("/admin/faults/cut-streams")
async def cut_streams(request: web.Request) -> web.Response:
    """End open event streams."""
    return one({"cut": plane(request).sessions.cut_streams((await body(request, StreamRef)).session_id)})


@routes.post("/admin/faults/expire-lease")
async def expire_lease(request: web.Request) -> web.Response:
    """End an item's lease now."""
    plane(request).queue.expire_lease((await body(request, WorkRef)).work_id)
    return web.Response(status=204)
