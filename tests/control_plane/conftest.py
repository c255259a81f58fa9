"""A stand-in answering in this process, and plain HTTP clients with each kind of credential."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domicile_control_plane import ControlPlane

HEADERS = {"anthropic-version": "2026-10-21", "anthropic-beta": "managed-agents-2026-04-01"}


@dataclass
class Api:
    """Plain HTTP to the stand-in, as an environment key's holder unless said otherwise."""

    plane: ControlPlane
    client: aiohttp.ClientSession
    url: str
    environment_id: str
    key: str
    api_key: str

    @property
    def work(self) -> str:
        return f"/v1/environments/{self.environment_id}/work"

    async def call(self, method: str, path: str, credential: str | None = None, body: Any = None, headers: dict[str, str] | None = None):
        """Status and decoded body."""
        credential = self.key if credential is None else credential
        kind = {"x-api-key": credential} if credential.startswith("sk-ant-api") else {"authorization": f"Bearer {credential}"}
        sent = {**HEADERS, **(kind if credential else {}), **(headers or {})}
        async with self.client.request(method, self.url + path, json=body, headers=sent) as answer:
            raw = await answer.read()
            self.headers = answer.headers
            return answer.status, json.loads(raw) if raw else None

    async def claim(self, **query: Any) -> dict[str, Any] | None:
        """Poll once without waiting."""
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        status, item = await self.call("GET", f"{self.work}/poll?{asked}")
        assert status == 200
        return item

    async def beat(self, work_id: str, expected: str, credential: str | None = None):
        return await self.call("POST", f"{self.work}/{work_id}/heartbeat?expected_last_heartbeat={expected}", credential)

    def session(self, **fields: Any) -> str:
        """A session without a scenario, with its item queued; its id."""
        from domicile_control_plane.shapes import SessionCreate

        resources = fields.pop("attached", [])
        return self.plane.sessions.create(SessionCreate(**{"agent": "agent_1", "environment_id": self.environment_id, **fields}), resources)


def token(item: dict[str, Any]) -> str:
    """The item token inside a claimed item's secret."""
    return json.loads(base64.urlsafe_b64decode(item["secret"] + "=" * (-len(item["secret"]) % 4)))["sessions_token"]


@pytest.fixture
def token_of():
    return token


@pytest.fixture
def plane(tmp_path: Path):
    made = ControlPlane(tmp_path / "control-plane.sqlite", keepalive_seconds=0.2)
    yield made
    made.close()


@pytest.fixture
async def api(plane: ControlPlane) -> AsyncIterator[Api]:
    async with plane.serve() as url, aiohttp.ClientSession() as client:
        environment_id, key = plane.new_environment()
        yield Api(plane, client, url, environment_id, key, plane.credentials.issue_api_key("test"))
