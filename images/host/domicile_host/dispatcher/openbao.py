"""Reads secrets from OpenBao over its Unix socket, as an AppRole that can read what this host needs and nothing else.

Used through `secrets_manager`. `hvac` speaks to no Unix socket; two calls of the HTTP API are all that is needed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp

from domicile_host.dispatcher.errors import SecretMissing, SecretsAway
from domicile_host.egress.authority import AuthorityPem
from domicile_host.settings import OpenBaoSecrets

BASE = "http://openbao/v1"
CALL = aiohttp.ClientTimeout(total=10)


class OpenBao:
    """A logged-in client; logs in again when two thirds of the login's time are over, or when it is refused."""

    def __init__(self, place: OpenBaoSecrets) -> None:
        self._place = place
        self._token: str | None = None
        self._login_until = 0.0

    async def __aenter__(self) -> OpenBao:
        self._http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._place.socket)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.close()

    async def environment_key(self) -> str:
        """See `SecretsManager`."""
        return (await self._fields(self._place.environment_key, "value"))[0].strip()

    async def credential(self, name: str) -> str:
        """See `SecretsManager`."""
        return (await self._fields(f"{self._place.credentials}/{name}", "value"))[0]

    async def authority(self) -> AuthorityPem:
        """See `SecretsManager`."""
        return AuthorityPem(*await self._fields(self._place.egress_ca, "certificate", "key"))

    async def _fields(self, name: str, *fields: str) -> list[str]:
        found = await self.read(name)
        if missing := [field for field in fields if field not in found]:
            raise SecretMissing(f"the secret {name!r} has no field `{missing[0]}`")
        return [found[field] for field in fields]

    async def read(self, name: str) -> Mapping[str, str]:
        """The fields of a secret. Raises `SecretMissing` (absent or not permitted) or `SecretsAway`."""
        status, body = await self._get(name)
        if status == 403:
            self._token = None
            status, body = await self._get(name)
        if status in (403, 404):
            raise SecretMissing(f"the secrets manager has no secret {name!r} for this host ({status})")
        if status != 200:
            raise SecretsAway(f"the secrets manager answered {status}" + (" (sealed?)" if status == 503 else ""))
        return {str(field): str(value) for field, value in body["data"]["data"].items()}

    async def _get(self, name: str) -> tuple[int, Any]:
        token = await self._login()
        return await self._call("GET", f"/{self._place.mount}/data/{name}", headers={"x-vault-token": token})

    async def _login(self) -> str:
        if self._token is not None and time.monotonic() < self._login_until:
            return self._token
        role = {"role_id": await _line(self._place.role_id_file), "secret_id": await _line(self._place.secret_id_file)}
        status, body = await self._call("POST", "/auth/approle/login", json=role)
        if status != 200:
            raise SecretsAway(f"the secrets manager answered {status} to this host's login" + (" (sealed?)" if status == 503 else ""))
        self._token = str(body["auth"]["client_token"])
        self._login_until = time.monotonic() + float(body["auth"]["lease_duration"]) * 2 / 3
        return self._token

    async def _call(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        try:
            async with self._http.request(method, BASE + path, timeout=CALL, **more) as response:
                return response.status, await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise SecretsAway(f"the secrets manager at {self._place.socket} doesn't answer ({type(error).__name__})") from error


async def _line(path: Path) -> str:
    try:
        return (await asyncio.to_thread(path.read_text)).strip()
    except OSError as error:
        raise SecretsAway(f"this host's login {path} isn't there: {error.strerror}") from error
