"""Bodies between sandbox, gateway and control plane: read within bounds, answered anew."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from aiohttp import ClientResponse, web
from pydantic import JsonValue

from domicile_host.gateway import strict_json, upstream
from domicile_host.gateway.refusal import Refused

BODY_SECONDS = 60.0
"""A worker's body must be here by then."""


async def read(request: web.BaseRequest, limit_bytes: int) -> bytes:
    """A request's body. Raises `Refused` when it is encoded, of another type than JSON, too large, or too slow."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused("content-encoding", 415, "bodies come as they are, not compressed")
    if request.content_length is not None and request.content_length > limit_bytes:
        raise Refused("body-size", 413, f"the body is over {limit_bytes} bytes")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > limit_bytes:
                    raise Refused("body-size", 413, f"the body is over {limit_bytes} bytes")
    except TimeoutError as error:
        raise Refused("body-time", 408, f"the body took over {BODY_SECONDS:.0f} seconds") from error
    if body and request.content_type != "application/json":
        raise Refused("content-type", 415, "bodies are application/json")
    return bytes(body)


def refuse_any(request: web.BaseRequest) -> None:
    """For calls without a body. Raises `Refused` when there is one."""
    if request.content_length or "transfer-encoding" in request.headers:
        raise Refused("no-body", 400, "this call has no body")


def cut(request: web.BaseRequest) -> None:
    """Breaks the connection of a request whose answer has begun and can't be ended."""
    if request.transport is not None:
        request.transport.abort()


def json_answer(status: int, value: JsonValue, headers: Mapping[str, str]) -> web.Response:
    """A control plane's answer as the worker gets it."""
    if value is None and status == 204:
        return web.Response(status=204, headers=dict(headers))
    return web.Response(status=status, body=strict_json.serialise_ascii(value), content_type="application/json", headers=dict(headers))


async def from_upstream(response: ClientResponse) -> tuple[JsonValue, web.Response]:
    """Reads the control plane's JSON answer; gives it and what the worker gets. Raises `Unavailable`."""
    value = await upstream.read_json(response)
    return value, json_answer(response.status, value, upstream.response_headers(response.headers))
