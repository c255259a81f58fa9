"""The gateway as a service: its two sockets, its journal, its orderly end. Called by `domicile_host.gateway.serve`."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
from pathlib import Path

import structlog
from aiohttp import web

from domicile_host.audit import Journal, Recorder
from domicile_host.dispatcher import logs
from domicile_host.gateway.control_side import ControlSide
from domicile_host.gateway.metrics import Metrics
from domicile_host.gateway.records import Records
from domicile_host.gateway.register import Register
from domicile_host.gateway.sandbox_side import SandboxSide
from domicile_host.gateway.upstream import Upstream
from domicile_host.settings import HostSettings

SUM_SECONDS = 60.0
"""How often refusals beyond those recorded one by one are recorded as a sum."""
DRAIN_SECONDS = 5.0
"""How long requests under way have when the gateway ends; a container's stop timeout must be above it."""

log = structlog.get_logger("gateway")


class Gateway:
    """A gateway that listens, from `start` to `stop`."""

    def __init__(self, settings: HostSettings, recorder: Recorder) -> None:
        self._settings = settings
        self.metrics = Metrics()
        self.records = Records(recorder, settings.audit.content, self.metrics)
        self._runners: list[web.BaseRunner] = []

    async def start(self) -> None:
        """Returns when both sockets accept. Raises `OSError` where a socket can't be made."""
        settings = self._settings
        self._api = Upstream(settings, self.metrics)
        self.register = Register(self._api, self.records, self.metrics)
        self.sandbox_side = SandboxSide(self.register, self.records, self.metrics, settings.network.sandbox_range)
        control = ControlSide(self.register, self.records, self.metrics)
        await self._listen(
            web.AppRunner(control.application(), access_log=None, shutdown_timeout=DRAIN_SECONDS), settings.places.gateway_control
        )
        door = web.Server(self.sandbox_side.handle, access_log=None, auto_decompress=False, keepalive_timeout=75, lingering_time=1)
        await self._listen(web.ServerRunner(door, shutdown_timeout=DRAIN_SECONDS), settings.places.gateway_sandbox)
        self._sums = asyncio.create_task(self._record_sums())

    async def stop(self) -> None:
        """Cuts the streams, lets requests under way end within `DRAIN_SECONDS`, closes the sockets."""
        self._sums.cancel()
        for runner in self._runners:
            for site in tuple(runner.sites):
                await site.stop()
        await self.register.close()
        for runner in self._runners:
            await runner.cleanup()
        await self.register.record_sums()
        await self._api.close()

    async def _listen(self, runner: web.BaseRunner, path: Path) -> None:
        await runner.setup()
        self._runners.append(runner)
        await web.SockSite(runner, listener(path)).start()
        log.info("listening", socket=str(path))

    async def _record_sums(self) -> None:
        while True:
            await asyncio.sleep(SUM_SECONDS)
            await self.register.record_sums()


def listener(path: Path) -> socket.socket:
    """A Unix socket that only its owner and the group of its folder can open, also in the moment of its making.

    The socket of a killed run is replaced. Raises `OSError` where something else is in its place.
    """
    if path.is_symlink() or path.exists():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path}: not a socket; remove it")
        path.unlink()
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)
    try:
        made.bind(str(path))
    finally:
        os.umask(before)
    os.chown(path, -1, path.parent.stat().st_gid)
    return made


async def run(settings: HostSettings) -> None:
    """Runs the gateway until SIGTERM or SIGINT has drained it. Raises `OSError` for a socket or journal that can't be opened."""
    logs.configure()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    journal = await Journal.of(settings, "gateway")
    try:
        gateway = Gateway(settings, journal)
        await gateway.start()
        try:
            await ended.wait()
        finally:
            log.info("draining")
            await gateway.stop()
    finally:
        await journal.close()
