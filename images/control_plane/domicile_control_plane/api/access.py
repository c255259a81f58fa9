"""Who may call what: each handler of the API begins with one of these checks, and reads its query and body with the others."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from ..aws import ROLE
from ..credentials import Caller, Credentials, Kind
from ..environments import Environments
from ..errors import InvalidRequestError, PermissionDeniedError
from ..memory import MemoryStores
from ..sessions import Sessions
from ..skills import Skills
from ..tunnels import Tunnels
from ..work import WorkQueue

MANAGED_AGENTS = "managed-agents-2026-04-01"
AGENT_MEMORY = "agent-memory-2026-07-22"
Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class Rooms:
    """What the API serves."""

    credentials: Credentials
    environments: Environments
    queue: WorkQueue
    sessions: Sessions
    skills: Skills
    memory: MemoryStores
    tunnels: Tunnels
    keepalive_seconds: float = 15.0


ROOMS = web.AppKey("rooms", Rooms)


def rooms(request: web.Request) -> Rooms:
    """The rooms of the application that serves this request."""
    return request.app[ROOMS]


def caller(request: web.Request, *accepted: Kind, betas: tuple[str, ...] = (MANAGED_AGENTS,)) -> Caller:
    """Who calls, if this endpoint accepts that kind of credential. What a role may was seen to at the front door.

    Raises:
        AuthenticationError: nobody known.
        PermissionDeniedError: somebody whose kind of credential this endpoint refuses.
        InvalidRequestError: a required header is missing.
    """
    found = Caller("role") if ROLE in request else _by_credential(request, accepted)
    if "anthropic-version" not in request.headers:
        raise InvalidRequestError("anthropic-version: header is required")
    sent = {name.strip() for value in request.headers.getall("anthropic-beta", []) for name in value.split(",")}
    if betas and not sent & set(betas):
        raise InvalidRequestError(f"anthropic-beta: this endpoint needs {' or '.join(betas)}")
    return found


def _by_credential(request: web.Request, accepted: tuple[Kind, ...]) -> Caller:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    found = rooms(request).credentials.identify(token.strip() if scheme.lower() == "bearer" else None, request.headers.get("x-api-key"))
    if found.kind not in accepted:
        raise PermissionDeniedError(f"this endpoint doesn't accept an {found.kind}; it accepts an {' or an '.join(accepted)}")
    return found


def of_environment(request: web.Request, who: Caller) -> str:
    """The environment in the path, if the caller may act on it."""
    environment_id = request.match_info["environment_id"]
    if who.environment_id not in (None, environment_id):
        raise PermissionDeniedError("this credential belongs to another environment")
    rooms(request).environments.get(environment_id)
    return environment_id


def of_item(request: web.Request, who: Caller) -> str:
    """The work item in the path, if the caller may act on it."""
    work_id = request.match_info["work_id"]
    if who.kind == "item token" and who.work_id != work_id:
        raise PermissionDeniedError("this token belongs to another work item")
    return work_id


def of_session(request: web.Request, who: Caller) -> dict[str, Any]:
    """The session in the path, if the caller may act on it."""
    session_id = request.match_info["session_id"]
    if who.kind == "item token" and who.subject != session_id:
        raise PermissionDeniedError("this token belongs to another session")
    session = rooms(request).sessions.get(session_id)
    if who.environment_id not in (None, session["environment_id"]):
        raise PermissionDeniedError("this credential belongs to another environment")
    return session


def of_subject(request: web.Request, who: Caller) -> dict[str, Any]:
    """The session of an item token."""
    if who.subject is None:
        raise PermissionDeniedError("this token belongs to no session")
    return rooms(request).sessions.get(who.subject)


async def body(request: web.Request, shape: type[Body]) -> Body:
    """The request's JSON body; an empty one is an empty object."""
    raw = await request.read()
    try:
        return shape.model_validate(json.loads(raw or b"{}"))
    except json.JSONDecodeError as error:
        raise InvalidRequestError(f"the body isn't JSON: {error}") from error


def number(request: web.Request, name: str, default: int | None = None) -> int | None:
    """A whole number from the query."""
    value = request.query.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError as error:
        raise InvalidRequestError(f"{name}: {value!r} isn't a whole number") from error


def limit(request: web.Request, default: int, most: int) -> int:
    """The page size asked for."""
    asked = number(request, "limit", default) or 0
    if not 1 <= asked <= most:
        raise InvalidRequestError(f"limit: must be between 1 and {most}")
    return asked


def after(request: web.Request) -> int:
    """Where the page asked for begins."""
    page = request.query.get("page")
    if not page:
        return 0
    try:
        return int(base64.urlsafe_b64decode(page.removeprefix("page_") + "==").decode())
    except (binascii.Error, ValueError) as error:
        raise InvalidRequestError(f"page: {page!r} is no cursor of this API") from error


def page(data: list[Any], last: int | None) -> web.Response:
    """A page of a list."""
    cursor = None if last is None else "page_" + base64.urlsafe_b64encode(str(last).encode()).decode().rstrip("=")
    shown = [item.model_dump() if isinstance(item, BaseModel) else item for item in data]
    return web.json_response({"data": shown, "next_page": cursor})


def one(item: BaseModel | dict[str, Any] | None) -> web.Response:
    """One object, or `null`."""
    return web.json_response(item.model_dump() if isinstance(item, BaseModel) else item)
