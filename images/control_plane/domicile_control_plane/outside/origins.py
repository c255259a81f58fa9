"""Web origins that answer every request with what reached them, credentials as their SHA-256 only."""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from ..log import Logger

LARGEST_BODY_BYTES = 16 << 20
_CREDENTIAL = re.compile(r"^(proxy-)?authorization$|^cookie$|token|secret|key", re.I)


@asynccontextmanager
async def serve_origins(names: Collection[str], address: str, port: int, tls: ssl.SSLContext | None, log: Logger) -> AsyncIterator[int]:
    """Answer for these host names; yields the port."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        seen = received(request, body)
        known = request.url.host in names
        log("origin", source=request.remote, known=known, **seen)
        return web.json_response(seen, status=200 if known else 421)

    app = web.Application(client_max_size=LARGEST_BODY_BYTES)
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=1.0, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=tls).start()
        chosen: int = runner.addresses[0][1]
        yield chosen
    finally:
        await runner.cleanup()


def received(request: web.Request, body: bytes) -> dict[str, Any]:
    """What a request said."""
    headers = {name.lower(): _shown(name, value) for name, value in request.headers.items()}
    return {
        "scheme": request.scheme,
        "method": request.method,
        "path": request.path_qs,
        "host": request.host,
        "headers": headers,
        "body_bytes": len(body),
    }


def _shown(name: str, value: str) -> str:
    return f"sha256:{hashlib.sha256(value.encode()).hexdigest()}" if _CREDENTIAL.search(name) else value
