"""The container engine: what the dispatcher asks of podman's REST API, over its Unix socket.

Written against podman 4.3.1's libpod API (v4.0.0); used by `sandboxes`, `adoption` and `start`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

from domicile_host.dispatcher.errors import EngineAway, EngineRefused

BASE = "http://engine/v4.0.0/libpod"
CALL = aiohttp.ClientTimeout(total=60)
STREAM = aiohttp.ClientTimeout(total=None, sock_connect=10)


class Answer(BaseModel):
    """The part of an answer of the engine's that is used."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Container(Answer):
    """One line of the engine's list of containers."""

    id: str = Field(alias="Id")
    names: tuple[str, ...] = Field(alias="Names")
    labels: Mapping[str, str] | None = Field(alias="Labels")
    state: str = Field(alias="State")

    @property
    def running(self) -> bool:
        return self.state == "running"


class Engine:
    """A client of the engine; `async with` opens and closes its connections."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    async def __aenter__(self) -> Engine:
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._socket), limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def runtime(self) -> str:
        """The name of the OCI runtime that the engine starts containers with: podman 4 takes it for the service, not per container."""
        info = await self._json("ask the engine for its runtime", "GET", "/info")
        return str(info["host"]["ociRuntime"]["name"])

    async def image_id(self, name: str) -> str | None:
        """The id of the image `reference@digest` in the host's store; None when it isn't there."""
        try:
            return str((await self._json(f"look for image {name}", "GET", f"/images/{quote(name, safe='/:@')}/json"))["Id"])
        except EngineRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, spec: Mapping[str, Any]) -> str:
        """Creates a container and returns its id."""
        return str((await self._json(f"create container {spec['name']}", "POST", "/containers/create", spec))["Id"])

    async def start(self, name: str) -> None:
        await self._json(f"start container {name}", "POST", f"/containers/{name}/start")

    async def remove(self, name: str) -> None:
        """Kills and removes a container with its volumes; one that isn't there is fine."""
        try:
            await self._json(f"remove container {name}", "DELETE", f"/containers/{name}?force=true&v=true&timeout=0")
        except EngineRefused as refused:
            if refused.status != 404:
                raise

    async def running(self, name: str) -> bool:
        """Whether a container runs now."""
        try:
            return bool((await self._json(f"look at container {name}", "GET", f"/containers/{name}/json"))["State"]["Running"])
        except EngineRefused as refused:
            if refused.status == 404:
                return False
            raise

    async def exit_code(self, name: str) -> int:
        """Waits until a container has ended by itself. Raises `EngineAway` when it takes more than a minute."""
        return int(await self._call(f"wait for container {name}", "POST", f"/containers/{name}/wait?condition=exited"))

    async def containers(self, **labels: str) -> list[Container]:
        """All containers with these labels, running or not."""
        filters = json.dumps({"label": [f"{name}={value}" for name, value in labels.items()]})
        found = await self._json("list containers", "GET", f"/containers/json?all=true&filters={quote(filters)}")
        return [Container.model_validate(each) for each in found]

    @asynccontextmanager
    async def ended(self, **labels: str) -> AsyncIterator[AsyncIterator[str]]:
        """Within the context the engine listens; what it gives are the names of containers with these labels that died or went."""
        filters = json.dumps({"label": [f"{name}={value}" for name, value in labels.items()], "event": ["died", "remove"]})
        path = f"/events?stream=true&filters={quote(filters)}"
        try:
            async with self._http.get(BASE + path, timeout=STREAM) as response:
                if response.status != 200:
                    raise EngineRefused("follow the engine's events", response.status, (await response.text())[:500])
                yield _names(response)
        except aiohttp.ClientError as error:
            raise EngineAway(f"the container engine's events at {self._socket} broke off: {error}") from error

    async def _json(self, doing: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """None for an answer without content."""
        answer = await self._call(doing, method, path, body)
        return json.loads(answer) if answer.strip() else None

    async def _call(self, doing: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> str:
        try:
            async with self._http.request(method, BASE + path, json=body, timeout=CALL) as response:
                if response.status >= 400:
                    raise EngineRefused(doing, response.status, _message(await response.text()))
                return await response.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise EngineAway(
                f"{doing}: the container engine at {self._socket} doesn't answer: {error!r}; is its service running?"
            ) from error


async def _names(response: aiohttp.ClientResponse) -> AsyncIterator[str]:
    async for line in response.content:
        if line.strip():
            yield str(json.loads(line)["Actor"]["Attributes"]["name"])


def _message(body: str) -> str:
    try:
        return str(json.loads(body)["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return body[:500]
