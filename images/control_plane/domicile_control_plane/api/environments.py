"""`/v1/environments`: API key only."""

from __future__ import annotations

from aiohttp import web

from ..shapes import EnvironmentCreate, EnvironmentUpdate
from .access import after, body, caller, limit, of_environment, one, page, rooms

routes = web.RouteTableDef()


@routes.post("/v1/environments", name="environments.create")
async def create(request: web.Request) -> web.Response:
    """Create an environment."""
    caller(request, "API key")
    return one(rooms(request).environments.create(await body(request, EnvironmentCreate)))


@routes.get("/v1/environments", name="environments.list")
async def index(request: web.Request) -> web.Response:
    """A page of environments."""
    caller(request, "API key")
    archived = request.query.get("include_archived") == "true"
    return page(*rooms(request).environments.page(archived=archived, limit=limit(request, 20, 100), after=after(request)))


@routes.get("/v1/environments/{environment_id}", name="environments.retrieve")
async def retrieve(request: web.Request) -> web.Response:
    """One environment."""
    who = caller(request, "API key", "environment key")
    return one(rooms(request).environments.get(of_environment(request, who)))


@routes.post("/v1/environments/{environment_id}", name="environments.update")
async def update(request: web.Request) -> web.Response:
    """Change an environment."""
    caller(request, "API key")
    return one(rooms(request).environments.update(request.match_info["environment_id"], await body(request, EnvironmentUpdate)))


@routes.delete("/v1/environments/{environment_id}", name="environments.delete")
async def delete(request: web.Request) -> web.Response:
    """Remove an environment that no session refers to."""
    caller(request, "API key")
    environment_id = request.match_info["environment_id"]
    rooms(request).environments.delete(environment_id)
    return one({"id": environment_id, "type": "environment_deleted"})


@routes.post("/v1/environments/{environment_id}/archive", name="environments.archive")
async def archive(request: web.Request) -> web.Response:
    """Archive an environment."""
    caller(request, "API key")
    return one(rooms(request).environments.archive(request.match_info["environment_id"]))
