"""Faults on demand, for tests only: answers in place of handlers, delays, cut connections and streams, leases that end.

The admin API and tests order them; the API's application asks `Faults.middleware` before each handler. Nothing else
in the stand-in knows of them.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any, Literal

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel, ConfigDict, Field

from .errors import ApiError

_KINDS: dict[int, type[ApiError]] = {kind.status: kind for kind in ApiError.__subclasses__()}


class Fault(BaseModel):
    """One order: the next `times` requests to a route are answered, delayed or cut."""

    model_config = ConfigDict(extra="forbid")

    route: str = Field(description="regular expression for a route's whole name, such as `work.poll`, `events.send` or `work\\..*`")
    subject: str | None = Field(None, description="only requests whose path contains this id")
    action: Literal["answer", "delay", "cut", "cut_after"] = Field(
        description="answer with `status`; wait `seconds` first; close the connection instead of, or after, carrying out the request"
    )
    times: int = Field(1, ge=1)
    status: int = Field(429, ge=400, le=599)
    retry_after_seconds: int | None = None
    seconds: float = Field(0.0, ge=0)


class Faults:
    """Orders that wait for their requests."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """Let it happen."""
        self._waiting.append(fault.model_copy())

    def clear(self) -> None:
        """Forget all orders."""
        self._waiting.clear()

    def waiting(self) -> list[Fault]:
        """Orders not used up."""
        return list(self._waiting)

    @property
    def middleware(self) -> Middleware:
        """To be put before the API's handlers."""

        @web.middleware
        async def disturb(request: web.Request, handler: Handler) -> web.StreamResponse:
            fault = self._take(request)
            if fault is None:
                return await handler(request)
            if fault.action == "answer":
                raise _error(fault)
            if fault.action == "delay":
                await asyncio.sleep(fault.seconds)
                return await handler(request)
            if fault.action == "cut_after":
                await handler(request)
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)

        return disturb

    def _take(self, request: web.Request) -> Fault | None:
        name = request.match_info.route.name or ""
        for fault in self._waiting:
            if re.fullmatch(fault.route, name) and (fault.subject is None or fault.subject in request.path):
                fault.times -= 1
                if fault.times == 0:
                    self._waiting.remove(fault)
                return fault
        return None


def _error(fault: Fault) -> ApiError:
    details: dict[str, Any] = {} if fault.retry_after_seconds is None else {"retry_after": fault.retry_after_seconds}
    error = _KINDS.get(fault.status, ApiError)("an injected fault", **details)
    error.status = fault.status
    return error
