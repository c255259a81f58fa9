"""The stand-in's admin side: what the Console is to the real service. The operator's command and tests use it.

It hands out keys, so whoever reaches it owns the stand-in: a Unix socket is guarded by its folder, a loopback port by refusing browsers.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from ..api import answering
from ..errors import PermissionDeniedError
from ..server import ControlPlane
from . import api, faults, page
from .access import PLANE

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def application(plane: ControlPlane) -> web.Application:
    """The admin API and its page for one stand-in."""
    app = web.Application(middlewares=[answering(plane.log), _own_clients_only])
    app[PLANE] = plane
    for part in (api, faults, page):
        app.add_routes(part.routes)
    return app


@asynccontextmanager
async def serve(plane: ControlPlane, *, socket_path: Path | None = None, port: int | None = None) -> AsyncIterator[str]:
    """Answer on a Unix socket, or on a port of 127.0.0.1 (0: any free one); yields the base URL (of a socket: its path)."""
    runner = web.AppRunner(application(plane), shutdown_timeout=1.0, access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        if socket_path is not None:
            await web.SockSite(runner, _listener(socket_path)).start()
            yield str(socket_path)
        else:
            await web.TCPSite(runner, "127.0.0.1", port or 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
        if socket_path is not None:
            _remove(socket_path)


def _listener(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    path.chmod(0o660)
    return listener


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


@web.middleware
async def _own_clients_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what a web page in the operator's browser could send: another site's request, or a name rebound to loopback."""
    listener = request.get_extra_info("socket")
    on_socket = listener is not None and listener.family == socket.AF_UNIX
    if not on_socket and (request.url.host not in _LOOPBACK or "origin" in request.headers):
        raise PermissionDeniedError("the admin API answers local clients only, by the name localhost")
    return await handler(request)
