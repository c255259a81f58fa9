"""The HTTP side of the stand-in: Anthropic's paths, credentials, headers and error bodies.

`server.ControlPlane` builds the application. Unknown query keys, among them the `beta=true` of older SDKs, are ignored.
"""

from __future__ import annotations

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import ValidationError

from ..aws import FrontDoor
from ..errors import ApiError, InvalidRequestError, NotFoundError, RequestTooLargeError
from ..faults import Faults
from ..log import Logger
from ..stamps import new_id
from . import environments, memory_stores, sessions, skills, tunnels, work
from .access import ROOMS, Rooms

LARGEST_BODY_BYTES = 32 << 20
CLIENT_GONE = 499  # nginx's number, in the log only
REQUEST_ID = web.RequestKey("request_id", str)


def application(rooms: Rooms, faults: Faults, log: Logger, door: FrontDoor | None = None) -> web.Application:
    """The API over these rooms; `faults` may answer in its place, and `door` lets roles in instead of keys and tokens."""
    before = [answering(log), *([door.middleware] if door else []), faults.middleware]
    app = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=before)
    app[ROOMS] = rooms
    for part in (environments, work, sessions, skills, memory_stores, tunnels):
        app.add_routes(part.routes)
    return app


def answering(log: Logger) -> Middleware:
    """Gives each answer a request id, each error Anthropic's form, and logs both; the admin API uses it too."""

    @web.middleware
    async def answer(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[REQUEST_ID] = new_id("req")
        status = CLIENT_GONE
        try:
            response = await _answer(request, handler)
            status = response.status
        finally:
            log("request", method=request.method, path=request.path, status=status, request_id=request[REQUEST_ID])
        return response

    return answer


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except ApiError as error:
        response = _error(request, error)
    except ValidationError as error:
        response = _error(request, InvalidRequestError(_explain(error)))
    except web.HTTPRequestEntityTooLarge:
        response = _error(request, RequestTooLargeError(f"the body exceeds {LARGEST_BODY_BYTES} bytes"))
    except web.HTTPException as error:
        response = _error(request, NotFoundError(f"{request.method} {request.path}: {error.reason}"))
    if not response.prepared:
        response.headers["request-id"] = request[REQUEST_ID]
    return response


def _error(request: web.Request, error: ApiError) -> web.Response:
    body = {"type": error.kind, "message": error.message, **({"details": error.details} if error.details else {})}
    headers = {"retry-after": str(error.details["retry_after"])} if "retry_after" in error.details else {}
    return web.json_response({"type": "error", "error": body, "request_id": request[REQUEST_ID]}, status=error.status, headers=headers)


def _explain(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, item['loc'])) or 'body'}: {item['msg']}" for item in error.errors())
