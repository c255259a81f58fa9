"""`/v1/memory_stores`: item tokens for their own session's stores, and API keys; environment keys are refused."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..credentials import Caller
from ..errors import PermissionDeniedError
from ..shapes import MemoryCreate, MemoryStoreCreate, MemoryUpdate
from .access import AGENT_MEMORY, MANAGED_AGENTS, after, body, caller, limit, number, of_subject, one, page, rooms

routes = web.RouteTableDef()
BASE = "/v1/memory_stores/{store_id}"
BETAS = (AGENT_MEMORY, MANAGED_AGENTS)


@routes.post("/v1/memory_stores", name="memory_stores.create")
async def create_store(request: web.Request) -> web.Response:
    """Create a store."""
    caller(request, "API key", betas=BETAS)
    held = rooms(request).memory
    return one(held.get(held.create(await body(request, MemoryStoreCreate))))


@routes.get(BASE, name="memory_stores.retrieve")
async def retrieve_store(request: web.Request) -> web.Response:
    """One store."""
    return one(rooms(request).memory.get(_permitted(request)))


@routes.get(BASE + "/memories", name="memories.list")
async def index(request: web.Request) -> web.Response:
    """A page of memories; with `view=full` at most 20."""
    store_id, depth = _permitted(request), number(request, "depth", 0)
    prefix = request.query.get("path_prefix", "/")
    found, last = rooms(request).memory.memories(
        store_id, after=after(request), limit=limit(request, 20, 100), full=_full(request), prefix=prefix
    )
    return page(_grouped(found, prefix) if depth == 1 else found, last)


@routes.post(BASE + "/memories", name="memories.create")
async def create(request: web.Request) -> web.Response:
    """Create a memory."""
    store_id = _permitted(request, writing=True)
    return one(rooms(request).memory.add(store_id, await body(request, MemoryCreate), full=_full(request)))


@routes.get(BASE + "/memories/{memory_id}", name="memories.retrieve")
async def retrieve(request: web.Request) -> web.Response:
    """One memory."""
    return one(rooms(request).memory.memory(_permitted(request), request.match_info["memory_id"], full=_full(request, "full")))


@routes.post(BASE + "/memories/{memory_id}", name="memories.update")
async def update(request: web.Request) -> web.Response:
    """Change a memory, on a precondition if one is given."""
    store_id, asked = _permitted(request, writing=True), await body(request, MemoryUpdate)
    return one(rooms(request).memory.change(store_id, request.match_info["memory_id"], asked, full=_full(request)))


@routes.delete(BASE + "/memories/{memory_id}", name="memories.delete")
async def delete(request: web.Request) -> web.Response:
    """Remove a memory, on a precondition if one is given."""
    store_id, memory_id = _permitted(request, writing=True), request.match_info["memory_id"]
    rooms(request).memory.delete(store_id, memory_id, request.query.get("expected_content_sha256"))
    return one({"id": memory_id, "type": "memory_deleted"})


def _permitted(request: web.Request, *, writing: bool = False) -> str:
    store_id = request.match_info["store_id"]
    who = caller(request, "API key", "item token", betas=BETAS)
    if who.kind == "item token":
        attached = _attached(request, who, store_id)
        if writing and attached["access"] == "read_only":
            raise PermissionDeniedError(f"memory store {store_id} is attached read-only")
    return store_id


def _attached(request: web.Request, who: Caller, store_id: str) -> dict[str, Any]:
    for resource in of_subject(request, who)["resources"]:
        if resource["memory_store_id"] == store_id:
            found: dict[str, Any] = resource
            return found
    raise PermissionDeniedError(f"memory store {store_id} isn't attached to this token's session")


def _full(request: web.Request, default: str = "basic") -> bool:
    return request.query.get("view", default) == "full"


def _grouped(memories: list[dict[str, Any]], prefix: str) -> list[dict[str, Any]]:
    """Memories right below the prefix, and one `memory_prefix` for each folder with deeper ones."""
    shown: list[dict[str, Any]] = []
    for memory in memories:
        folder, deeper, _ = memory["path"][len(prefix) :].partition("/")
        item = {"type": "memory_prefix", "path": f"{prefix}{folder}/"} if deeper else memory
        if item not in shown:
            shown.append(item)
    return shown
