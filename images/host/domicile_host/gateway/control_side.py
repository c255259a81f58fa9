"""The door for the dispatcher: bindings, events, health, figures. Served on `places.gateway_control`; see `binding` for the calls."""

from __future__ import annotations

import asyncio
from ipaddress import AddressValueError, IPv4Address

from aiohttp import web
from prometheus_client import generate_latest
from pydantic import ValidationError

from domicile_host.gateway.binding import Binding, ControlRefusal
from domicile_host.gateway.metrics import Metrics
from domicile_host.gateway.records import Records
from domicile_host.gateway.register import AlreadyBoundError, Register

KEEPALIVE_SECONDS = 10.0


class ControlSide:
    """The application of the control listener."""

    def __init__(self, register: Register, records: Records, metrics: Metrics) -> None:
        self._register = register
        self._records = records
        self._metrics = metrics

    def application(self) -> web.Application:
        application = web.Application(client_max_size=64 << 10)
        application.add_routes(
            [
                web.get("/bindings", self.list_bindings),
                web.put("/announced/{source}", self.announce),
                web.put("/bindings/{source}", self.bind),
                web.delete("/bindings/{source}", self.unbind),
                web.post("/bindings/{source}/stopping", self.stopping),
                web.get("/events", self.events),
                web.get("/healthz", self.health),
                web.get("/metrics", self.metrics),
            ]
        )
        return application

    async def announce(self, request: web.Request) -> web.Response:
        binding = await _binding(request)
        if isinstance(binding, web.Response):
            return binding
        await self._register.announce(binding)
        return web.Response(status=204)

    async def bind(self, request: web.Request) -> web.Response:
        binding = await _binding(request)
        if isinstance(binding, web.Response):
            return binding
        try:
            await self._register.bind(binding)
        except AlreadyBoundError as error:
            return _refuse(409, str(error))
        return web.Response(status=204)

    async def unbind(self, request: web.Request) -> web.Response:
        source = _source(request)
        if source is None:
            return _refuse(400, "the path names no IPv4 address")
        await self._register.unbind(source)
        return web.Response(status=204)

    async def stopping(self, request: web.Request) -> web.Response:
        source = _source(request)
        if source is None or not self._register.stopping(source):
            return _refuse(404, "nothing is bound there")
        return web.Response(status=204)

    async def list_bindings(self, _request: web.Request) -> web.Response:
        return web.json_response([status.model_dump(mode="json") for status in self._register.statuses()])

    async def events(self, request: web.Request) -> web.StreamResponse:
        queue = self._register.subscribe()
        try:
            response = web.StreamResponse(headers={"content-type": "application/x-ndjson"})
            await response.prepare(request)
            await response.write(b" \n")
            while True:
                try:
                    async with asyncio.timeout(KEEPALIVE_SECONDS):
                        event = await queue.get()
                except TimeoutError:
                    await response.write(b" \n")
                    continue
                if event is None:
                    return response
                await response.write(event.model_dump_json().encode() + b"\n")
        except ConnectionError:
            return response  # the dispatcher is gone; it subscribes again when it is back
        finally:
            self._register.unsubscribe(queue)

    async def health(self, _request: web.Request) -> web.Response:
        healthy = self._records.healthy
        return web.json_response({"status": "ok" if healthy else "the audit journal can't be written"}, status=200 if healthy else 503)

    async def metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._metrics.registry), content_type="text/plain", charset="utf-8")


async def _binding(request: web.Request) -> Binding | web.Response:
    """The binding that a call is about, or the refusal."""
    try:
        binding = Binding.model_validate_json(await request.read())
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False))
        return _refuse(400, f"not a binding: {faults}")
    if str(binding.source) != request.match_info["source"]:
        return _refuse(400, f"the path names {request.match_info['source']}, the binding {binding.source}")
    return binding


def _source(request: web.Request) -> IPv4Address | None:
    try:
        return IPv4Address(request.match_info["source"])
    except AddressValueError:
        return None


def _refuse(status: int, error: str) -> web.Response:
    return web.json_response(ControlRefusal(error=error).model_dump(), status=status)
