"""`/admin/…`: environments, keys, scenarios, sessions, queue, webhooks; JSON in and out."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aiohttp import web
from pydantic import Field

from ..api.access import body, one
from ..errors import InvalidRequestError, NotFoundError
from ..scenario import ScenarioError, shipped
from ..server import ControlPlane
from ..shapes import EnvironmentCreate, SendEvents
from ..webhooks import TYPES
from .access import Order, plane

routes = web.RouteTableDef()
LONGEST_WAIT_SECONDS = 60.0


class NewEnvironment(Order):
    """Body of `POST /admin/environments`."""

    name: str = Field("local", min_length=1)
    id: str | None = Field(None, pattern=r"^env_\w+$", description="unset: a new one")


class EnvironmentRef(Order):
    """Body that names an environment."""

    environment_id: str


class NewApiKey(Order):
    """Body of `POST /admin/api-keys`."""

    name: str = "operator"


class ScenarioStart(Order):
    """Body of `POST /admin/scenarios`."""

    environment_id: str
    scenario: str | dict[str, Any] = Field("demonstration", description="name of a shipped one, YAML text, or the mapping itself")
    variables: dict[str, str] = {}


class NewWebhook(Order):
    """Body of `POST /admin/webhooks`."""

    url: str = Field(pattern=r"^https?://")
    types: list[str] = ["session.status_run_started"]


@routes.get("/healthz")
async def healthz(request: web.Request) -> web.Response:
    """Alive."""
    return one({"status": "ok"})


@routes.post("/admin/environments")
async def create_environment(request: web.Request) -> web.Response:
    """A new self-hosted environment; one that exists already under the given id is answered as it is."""
    asked, environments = await body(request, NewEnvironment), plane(request).environments
    if asked.id is not None:
        with suppress(NotFoundError):
            return one(environments.get(asked.id))
    return one(environments.create(EnvironmentCreate(name=asked.name), asked.id))


@routes.get("/admin/environments")
async def environments(request: web.Request) -> web.Response:
    """All environments."""
    found, _ = plane(request).environments.page(archived=True, limit=1000, after=0)
    return one({"data": [environment.model_dump() for environment in found]})


@routes.post("/admin/environment-keys")
async def generate_key(request: web.Request) -> web.Response:
    """A new environment key, shown this once; the former one ends."""
    asked = await body(request, EnvironmentRef)
    plane(request).environments.get(asked.environment_id)
    key = plane(request).credentials.issue_environment_key(asked.environment_id)
    return one({"environment_id": asked.environment_id, "key": key})


@routes.delete("/admin/environment-keys/{environment_id}")
async def revoke_key(request: web.Request) -> web.Response:
    """End the environment's key, effective with the next call."""
    if not plane(request).credentials.revoke_environment_key(request.match_info["environment_id"]):
        raise NotFoundError("this environment has no key")
    return web.Response(status=204)


@routes.post("/admin/api-keys")
async def generate_api_key(request: web.Request) -> web.Response:
    """A new API key of the workspace, shown this once."""
    return one({"key": plane(request).credentials.issue_api_key((await body(request, NewApiKey)).name)})


@routes.get("/admin/scenarios")
async def scenarios(request: web.Request) -> web.Response:
    """Names of the scenarios shipped with the product."""
    return one({"data": shipped()})


@routes.post("/admin/scenarios")
async def start_scenario(request: web.Request) -> web.Response:
    """Create a scenario's session."""
    asked = await body(request, ScenarioStart)
    try:
        session_id = plane(request).start(asked.environment_id, asked.scenario, asked.variables)
    except ScenarioError as error:
        raise InvalidRequestError(f"scenario: {error}") from error
    return one({"session_id": session_id})


@routes.get("/admin/sessions")
async def sessions(request: web.Request) -> web.Response:
    """All sessions, newest first, with verdict and work item."""
    held = plane(request)
    return one({"data": [summary(held, session) for session in held.sessions.all(request.query.get("environment_id"))]})


@routes.get("/admin/sessions/{session_id}")
async def session(request: web.Request) -> web.Response:
    """One session with its transcript; `wait_seconds` (at most 60) holds the answer until there is a verdict."""
    held, session_id = plane(request), request.match_info["session_id"]
    found = held.sessions.get(session_id)
    try:
        wait = min(float(request.query.get("wait_seconds", "0")), LONGEST_WAIT_SECONDS)
    except ValueError as error:
        raise InvalidRequestError("wait_seconds: must be a number") from error
    outcome = held.brain.outcome(session_id)
    if wait > 0 and outcome is not None and outcome.verdict == "running":
        with suppress(TimeoutError):
            await held.finished(session_id, wait)
    return one({**summary(held, found), "transcript": held.sessions.events(session_id)})


@routes.post("/admin/sessions/{session_id}/emit")
async def emit(request: web.Request) -> web.Response:
    """Play the agent by hand: store and stream one event, such as `agent.tool_use`."""
    held, session_id = plane(request), request.match_info["session_id"]
    held.sessions.get(session_id)
    event = await request.json()
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise InvalidRequestError("the body must be an event with a `type`")
    return one(held.sessions.emit(session_id, event.pop("type"), **event))


@routes.post("/admin/sessions/{session_id}/user-events")
async def user_events(request: web.Request) -> web.Response:
    """Speak as the user."""
    return one({"data": plane(request).sessions.receive(request.match_info["session_id"], (await body(request, SendEvents)).events)})


@routes.get("/admin/queue")
async def queue(request: web.Request) -> web.Response:
    """Every environment's queue: numbers and items, oldest first."""
    held = plane(request)
    found, _ = held.environments.page(archived=True, limit=1000, after=0)
    shown = []
    for environment in found:
        items, _ = held.queue.page(environment.id, 10_000, 0)
        stats = held.queue.stats(environment.id).model_dump()
        shown.append({"environment_id": environment.id, "stats": stats, "items": [item.model_dump() for item in items]})
    return one({"data": shown})


@routes.post("/admin/healthchecks")
async def healthcheck(request: web.Request) -> web.Response:
    """Queue an item that isn't a session, as the service does now and then."""
    asked = await body(request, EnvironmentRef)
    plane(request).environments.get(asked.environment_id)
    return one({"work_id": plane(request).queue.enqueue(asked.environment_id, "healthcheck", kind="healthcheck")})


@routes.post("/admin/webhooks")
async def register_webhook(request: web.Request) -> web.Response:
    """A new webhook endpoint; its signing secret is shown this once."""
    asked = await body(request, NewWebhook)
    if unknown := set(asked.types) - set(TYPES.values()):
        raise InvalidRequestError(f"types: {sorted(unknown)} aren't sent; sent are {sorted(TYPES.values())}")
    webhook_id, secret = plane(request).webhooks.register(asked.url, asked.types)
    return one({"id": webhook_id, "secret": secret})


@routes.get("/admin/webhooks")
async def webhooks(request: web.Request) -> web.Response:
    """All webhook endpoints."""
    return one({"data": plane(request).webhooks.all()})


def summary(held: ControlPlane, session: dict[str, Any]) -> dict[str, Any]:
    """A session as lists show it."""
    outcome, item = held.brain.outcome(session["id"]), held.queue.live_item(session["id"])
    return {
        "id": session["id"],
        "title": session["title"],
        "environment_id": session["environment_id"],
        "status": session["status"],
        "created_at": session["created_at"],
        "scenario": outcome.scenario if outcome else None,
        "verdict": outcome.verdict if outcome else None,
        "reasons": outcome.reasons if outcome else [],
        "work": item.model_dump() if item else None,
    }
