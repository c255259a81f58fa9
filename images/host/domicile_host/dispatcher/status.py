"""The dispatcher's status for the operator: `GET /healthz`, `/metrics` and `/status` on a Unix socket, and `POST /drill`, which holds one.

The others read and never change.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Literal

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict

from domicile_host.dispatcher.drill import DrillReport
from domicile_host.dispatcher.metrics import Metrics


class Shown(BaseModel):
    """Part of the status; no secret in it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ControlPlaneStatus(Shown):
    url: str
    reachable: bool | None
    """None: not asked yet."""
    last_poll_at: float | None
    problem: str | None


class SandboxStatus(Shown):
    sandbox_id: str
    state: Literal["warm", "claimed", "live", "ending"]
    session_id: str | None
    work_id: str | None
    address: str
    since: float
    worker_heartbeat_age: float | None


class Connected(Shown):
    connected: bool


class Status(Shown):
    """What `GET /status` answers."""

    host: str
    environment_id: str
    key: Literal["present", "absent", "refused"]
    """Of what `identity` says: whether this host has it, and whether the control plane takes it."""
    identity: Literal["environment-key", "role"] = "environment-key"
    control_plane: ControlPlaneStatus
    capacity: int
    draining: bool
    sandboxes: tuple[SandboxStatus, ...]
    egress: Connected
    gateway: Connected
    unowned: tuple[str, ...]
    problems: tuple[str, ...]
    last_drill: DrillReport | None
    waiting_for: str | None


class StatusServer:
    """Listens on `socket`; the folder decides who can open it, and its group may."""

    def __init__(self, socket: Path, status: Callable[[], Status], metrics: Metrics, drill: Callable[[], Awaitable[DrillReport]]) -> None:
        self._socket = socket
        self._drill = drill
        self._status = status
        self._metrics = metrics
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/status", self._show_status)
        app.router.add_post("/drill", self._hold_drill)
        self._runner = web.AppRunner(app, access_log=None)

    async def start(self) -> None:
        await self._runner.setup()
        self._socket.parent.mkdir(parents=True, exist_ok=True)
        self._socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o117)
        try:
            listener.bind(str(self._socket))
        finally:
            os.umask(before)
        await web.SockSite(self._runner, listener).start()

    async def stop(self) -> None:
        await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _show_status(self, _: web.Request) -> web.Response:
        return web.Response(text=self._status().model_dump_json(), content_type="application/json")

    async def _hold_drill(self, _: web.Request) -> web.Response:
        try:
            report = await self._drill()
        except asyncio.CancelledError:
            return web.json_response({"error": {"message": "the dispatcher ends: no drill was held"}}, status=503)
        return web.Response(text=report.model_dump_json(), content_type="application/json")

    async def _show_metrics(self, _: web.Request) -> web.Response:
        status = self._status()
        self._count(status)
        return web.Response(body=generate_latest(self._metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def _count(self, status: Status) -> None:
        for state in ("warm", "claimed", "live", "ending"):
            self._metrics.sandboxes.labels(state).set(sum(each.state == state for each in status.sandboxes))
        parts: Mapping[str, bool] = {
            "gateway": status.gateway.connected,
            "egress": status.egress.connected,
            "control_plane": bool(status.control_plane.reachable),
            "environment_key": status.key == "present",
        }
        for part, connected in parts.items():
            self._metrics.connected.labels(part).set(connected)
