"""The door that sandboxes knock at: who asks, for what, and who answers it. Served on `places.gateway_sandbox`, behind Envoy.

A request passes when its source is bound (Envoy says the source, in a header that it overwrites), its capability is that
binding's, its call is in the table of `routes`, and the module of that call agrees. All else is refused and recorded.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv4Network

import aiohttp
import structlog
from aiohttp import web
from pydantic import JsonValue

from domicile_host.gateway import body, memory_calls, routes, session_calls, skill_calls, work_calls
from domicile_host.gateway.metrics import Metrics
from domicile_host.gateway.records import Records
from domicile_host.gateway.refusal import Refused, Unavailable, answer
from domicile_host.gateway.register import Register
from domicile_host.gateway.routes import Call, RouteName
from domicile_host.gateway.session import Session

log = structlog.get_logger("gateway")

SOURCE_HEADER = "x-domicile-source"
ITEM_WAIT_SECONDS = 30.0

Handler = Callable[[Session, Call, web.BaseRequest], Awaitable[web.StreamResponse]]

_HANDLERS: Mapping[RouteName, Handler] = {
    "heartbeat": work_calls.heartbeat,
    "stop": work_calls.stop,
    "session": session_calls.session,
    "history": session_calls.history,
    "stream": session_calls.stream,
    "result": session_calls.result,
    "skill-version": skill_calls.version,
    "skill-content": skill_calls.content,
    "memories": memory_calls.pages,
    "memory": memory_calls.memory,
    "memory-create": memory_calls.create,
    "memory-update": memory_calls.update,
    "memory-delete": memory_calls.delete,
}


class SandboxSide:
    """The handler of the sandbox listener: of every request, as no router stands before it."""

    def __init__(self, register: Register, records: Records, metrics: Metrics, sandbox_range: IPv4Network) -> None:
        self._register = register
        self._records = records
        self._metrics = metrics
        self._range = sandbox_range
        self.item_wait_seconds = ITEM_WAIT_SECONDS

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        route, source = "none", None
        try:
            source = self._source(request)
            call = routes.match(request.method, request.raw_path)
            route = call.route
            response = await self._serve(call, source, request)
        except Refused as refused:
            response = await self._refuse(refused, source, request)
        except Unavailable as unavailable:
            log.warning("unavailable", rule=unavailable.rule, source=str(source), error=str(unavailable))
            response = answer(unavailable)
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, ConnectionError, web.RequestPayloadError) as broken:
            response = await self._refuse(Refused("broken-body", 400, f"the request broke off ({type(broken).__name__})"), source, request)
        self._metrics.requests.labels(route, str(response.status)).inc()
        return response

    async def _serve(self, call: Call, source: IPv4Address, request: web.BaseRequest) -> web.StreamResponse:
        if request.method in ("GET", "DELETE"):
            body.refuse_any(request)
        if call.route == "item":
            return await self._item(source, request)
        session = self._authenticated(source, request)
        _check_own(session, call)
        if call.route == "stream":
            return await session_calls.stream(session, call, request)
        async with session.place():
            return await _HANDLERS[call.route](session, call, request)

    # --- who asks ----------------------------------------------------------------------------------------------------

    def _source(self, request: web.BaseRequest) -> IPv4Address:
        given = request.headers.getall(SOURCE_HEADER, [])
        try:
            source = IPv4Address(given[0]) if len(given) == 1 else None
        except AddressValueError:
            source = None
        if source is None or source not in self._range:
            raise Refused("source", 403, "requests come from a sandbox's address, through the proxy")
        return source

    def _authenticated(self, source: IPv4Address, request: web.BaseRequest) -> Session:
        given = request.headers.getall("authorization", [])
        token = given[0].removeprefix("Bearer ") if len(given) == 1 and given[0].startswith("Bearer ") else ""
        session = self._register.session(source)
        if session is None:  # a gateway that was started anew is told of live sessions in a moment: their workers ask again
            raise Refused("no-binding", 503, "this sandbox has no session yet, or no longer")
        expected = session.binding.capability.get_secret_value()
        if not hmac.compare_digest(token.encode("utf-8", "surrogateescape"), expected.encode()):
            raise Refused("capability", 401, "this sandbox has no session with this capability")
        return session

    # --- the work item -------------------------------------------------------------------------------------------------

    async def _item(self, source: IPv4Address, request: web.BaseRequest) -> web.StreamResponse:
        if self._register.session(source) is None:
            await self._register.wait_bound(source, self.item_wait_seconds)
        session = self._register.session(source)
        if session is None or request.transport is None or request.transport.is_closing():
            return web.Response(status=204)
        if session.taken:
            raise Refused("item-taken", 409, "this sandbox's work item was handed out: it is handed out once")
        session.taken = True
        session.publish("item-taken")
        binding = session.binding
        secret = json.dumps({"sessions_token": binding.capability.get_secret_value()}).encode()
        item: dict[str, JsonValue] = {
            "environment_id": binding.environment_id,
            "session_id": binding.session_id,
            "work_id": binding.work_id,
            "work_secret": base64.urlsafe_b64encode(secret).decode(),
            "max_idle_seconds": binding.idle_seconds,
        }
        return body.json_answer(200, item, {"cache-control": "no-store"})

    # --- refusals ------------------------------------------------------------------------------------------------------

    async def _refuse(self, refused: Refused, source: IPv4Address | None, request: web.BaseRequest) -> web.StreamResponse:
        self._metrics.refusals.labels(refused.rule).inc()
        session = self._register.session(source) if source else None
        if self._register.book(source).note(refused.rule):
            detail: dict[str, JsonValue] = {
                "rule": refused.rule,
                "source": str(source or ""),
                "method": _plain(request.method, 16),
                "target": _plain(request.raw_path, 200),
            }
            binding = session.binding if session else None
            log.info("refused", session_id=binding.session_id if binding else "", **detail)
            try:
                await self._records.write("gateway.refusal", "refused", detail, binding, reason=f"{refused.rule}: {refused}")
            except Unavailable as unavailable:
                return answer(unavailable)
        return answer(refused)


def _check_own(session: Session, call: Call) -> None:
    """Raises `Refused` for the id of another session, work item or environment."""
    binding = session.binding
    own = {"session_id": binding.session_id, "work_id": binding.work_id, "environment_id": binding.environment_id}
    for name, value in call.ids.items():
        if name in own and own[name] != value:
            raise Refused("own-ids", 403, f"the {name.replace('_', ' ')} isn't this sandbox's")


def _plain(text: str, length: int) -> str:
    """What a sandbox wrote, as a record may hold it: a short piece of plain ASCII."""
    return re.sub(r"[^\x21-\x7e]", "?", text[:length])
