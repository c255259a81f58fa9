"""The dispatcher's side of the session gateway's control socket: bindings, and the gateway's own events.

Used by `identity` and `dispatcher`. The gateway's words are its own; nothing that a sandbox wrote comes through here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

import aiohttp

from domicile_host.dispatcher.errors import GatewayAway, GatewayRefused
from domicile_host.gateway.binding import Binding, GatewayEvent

BASE = "http://gateway"
CALL = aiohttp.ClientTimeout(total=10)
STREAM = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)


class Gateway:
    """A client of the control socket; `async with` opens and closes its connections."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def __aenter__(self) -> Gateway:
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._socket), limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def announce(self, binding: Binding) -> None:
        """The gateway reads ahead for a binding that isn't in force yet. Raises as `bind`."""
        await self._call("announce a session", "PUT", f"/announced/{binding.source}", binding.request_body())

    async def bind(self, binding: Binding) -> None:
        """Returns once the binding is in force; from then on the worker is given its item. Raises `GatewayAway`, `GatewayRefused`."""
        await self._call("bind a session", "PUT", f"/bindings/{binding.source}", binding.request_body())

    async def unbind(self, source: IPv4Address) -> None:
        """Returns once the address has no binding and no open stream."""
        await self._call("unbind a session", "DELETE", f"/bindings/{source}")

    async def stopping(self, source: IPv4Address) -> None:
        """The worker's next heartbeat is told to stop."""
        await self._call("tell a worker to stop", "POST", f"/bindings/{source}/stopping")

    @asynccontextmanager
    async def events(self) -> AsyncIterator[AsyncIterator[GatewayEvent]]:
        """Within the context the gateway's events come; its keep-alive lines every 10 s let a dead gateway be noticed."""
        try:
            async with self._http.get(BASE + "/events", timeout=STREAM) as response:
                if response.status != 200:
                    raise GatewayRefused(f"follow the gateway's events: it answered {response.status}")
                yield _events(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GatewayAway(f"the session gateway's events at {self._socket} broke off ({type(error).__name__})") from error

    async def _call(self, doing: str, method: str, path: str, body: bytes | None = None) -> None:
        headers = {"content-type": "application/json"} if body is not None else {}
        try:
            async with self._http.request(method, BASE + path, data=body, headers=headers, timeout=CALL) as response:
                if response.status >= 400:
                    raise GatewayRefused(f"{doing}: the session gateway answered {response.status}: {(await response.text())[:300]}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GatewayAway(f"{doing}: the session gateway at {self._socket} doesn't answer ({type(error).__name__})") from error


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[GatewayEvent]:
    async for line in response.content:
        if line.strip():
            yield GatewayEvent.model_validate_json(line)
