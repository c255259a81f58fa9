"""Signed calls of AWS's APIs with the machine's role. Used by the dispatcher (secrets) and by the archive's copy in S3.

The machine itself asks its metadata service, which answers nobody who is a network hop away, and keeps the role's credentials in a file
that this reads at each call: they change every few hours.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from domicile_host.aws.role import AwsAway, RoleFile
from domicile_host.aws.signature import Scope, sign

_CALL = aiohttp.ClientTimeout(total=30, connect=10)
_MOST_ANSWER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read whole."""

    status: int
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def error(self) -> str:
        """The error's name as JSON services tell it, without its namespace."""
        return str(self.json.get("__type", "")).rpartition("#")[2]


class Calls:
    """Calls of one service of one region. `async with` opens and closes the connections."""

    def __init__(self, scope: Scope, role_file: Path, ca_file: Path | None = None) -> None:
        self._scope, self._role, self._ca_file = scope, RoleFile(role_file), ca_file
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Calls:
        context = ssl.create_default_context(cafile=self._ca_file)
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context), skip_auto_headers=("user-agent", "content-type"))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request, signed anew. Raises `AwsAway`."""
        if self._http is None:
            raise RuntimeError("`async with` opens the connections")
        signed = sign(method, url, headers, body, self._scope, self._role.credentials())
        try:
            async with self._http.request(method, url, headers=signed, data=body, timeout=_CALL, allow_redirects=False) as answer:
                return Answer(answer.status, await answer.content.read(_MOST_ANSWER_BYTES))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AwsAway(f"{url} doesn't answer ({type(error).__name__})") from error
