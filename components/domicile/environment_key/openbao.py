"""Speaks to OpenBao on its Unix socket, for provisioning and for the operator's command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from domicile.machine.command import CommandError


class OpenBaoError(CommandError):
    """OpenBao refused a call or can't be reached; the message holds the call and its words, never a value."""


class OpenBao:
    """A client that holds at most one token. Paths are as in OpenBao's HTTP API, below `/v1/`."""

    def __init__(self, socket: Path, token: str | None = None, timeout_seconds: float = 30) -> None:
        headers = {"x-vault-token": token} if token else {}
        transport = httpx.HTTPTransport(uds=str(socket))
        self._socket = socket
        self._client = httpx.Client(transport=transport, base_url="http://openbao/v1/", headers=headers, timeout=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._client.close()

    def get(self, path: str) -> dict[str, Any] | None:
        """Reads; None when there is nothing at the path. Raises `OpenBaoError`."""
        return self._call("GET", path, None, missing_is_none=True)

    def put(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Writes; gives the answer, {} when it has none. Raises `OpenBaoError`."""
        return self._call("POST", path, body) or {}

    def health(self) -> dict[str, Any]:
        """`initialized`, `sealed`, … Raises `OpenBaoError` when it can't be reached."""
        try:
            return dict(self._client.get("sys/health", params={"standbyok": "true", "sealedcode": "200", "uninitcode": "200"}).json())
        except httpx.TransportError as error:
            raise OpenBaoError(f"OpenBao does not answer on {self._socket}: {error}") from error

    def login(self, role_id: str, secret_id: str) -> str:
        """A token for an AppRole. Raises `OpenBaoError`."""
        return str(self.put("auth/approle/login", {"role_id": role_id, "secret_id": secret_id})["auth"]["client_token"])

    def has_secret(self, mount: str, name: str) -> bool:
        """Whether a KV v2 secret has a current version, without reading it."""
        found = self.get(f"{mount}/metadata/{name}")
        if not found:
            return False
        current = found["data"]["versions"].get(str(found["data"]["current_version"]))
        return bool(current and not current["destroyed"] and not current["deletion_time"])

    def write_secret(self, mount: str, name: str, fields: Mapping[str, str]) -> None:
        """Writes a new version of a KV v2 secret."""
        self.put(f"{mount}/data/{name}", {"data": dict(fields)})

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None, missing_is_none: bool = False) -> dict[str, Any] | None:
        try:
            answer = self._client.request(method, path, json=body)
        except httpx.TransportError as error:
            raise OpenBaoError(f"OpenBao does not answer on {self._socket}: {error}") from error
        if answer.status_code == httpx.codes.NOT_FOUND and missing_is_none:
            return None
        if not answer.is_success:
            said = (
                "; ".join(answer.json().get("errors", [])) if answer.headers.get("content-type", "").startswith("application/json") else ""
            )
            raise OpenBaoError(f"OpenBao answered {answer.status_code} to {method} {path}: {said or answer.reason_phrase}")
        return dict(answer.json()) if answer.content else None
