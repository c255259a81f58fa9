"""The work queue of one environment, through the official SDK's work resource; each failure as one of our own errors.

Used by `claims` (poll, ack), `lease` (heartbeat) and `session` (stop). Retrying is the caller's: the SDK's own retries
(also of 409, and without the lease in view) are off. One client serves every credential: each call names its own, but on Claude Platform
on AWS, where every call is signed with the machine's role.
"""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anthropic
from anthropic import APIConnectionError, APIStatusError, AsyncAnthropic, DefaultAsyncHttpxClient
from httpx2 import Limits
from pydantic import SecretStr

from domicile_host.aws.control_plane import SignedRequests, Signer, identity_refused, why_refused
from domicile_host.dispatcher.bounds import Bounds
from domicile_host.dispatcher.errors import ItemGone, KeyRefused, LeaseLost, QueueAway, QueueSlowed, RoleRefused
from domicile_host.settings import HostSettings

NO_HEARTBEAT = "NO_HEARTBEAT"
CALL_SECONDS = 15.0
KEEPALIVE_SECONDS = 60.0
"""How long an unused connection is kept. The SDK's 5 s would let most acks and heartbeats wait for a new one's TLS handshake."""
NAMED_BY_EACH_CALL = "-"
SIGNED = SecretStr(NAMED_BY_EACH_CALL)
"""In place of a credential where calls are signed: it leaves this process no more than any other header of that kind."""


@dataclass(frozen=True, slots=True)
class Item:
    """A work item as the poll gives it. `secret` is opaque until `sessions_token` opens it."""

    work_id: str
    kind: str
    session_id: str
    secret: SecretStr | None


@dataclass(frozen=True, slots=True)
class Beat:
    """The control plane's answer to a heartbeat."""

    last_heartbeat: str
    state: str
    lease_extended: bool
    ttl_seconds: float

    @property
    def stopped(self) -> bool:
        return self.state == "stopped" or (not self.lease_extended and self.state != "stopping")


class WorkQueue:
    """The queue's calls. `async with` opens and closes the connections."""

    def __init__(self, settings: HostSettings, bounds: Bounds) -> None:
        self._settings = settings
        self._environment = settings.environment_id
        self._block_ms = int(bounds.poll_block_seconds * 1000)

    async def __aenter__(self) -> WorkQueue:
        plane, signing = self._settings.control_plane, self._settings.signing
        signed = SignedRequests(Signer(signing, signing.role_file)) if signing else None
        trust = ssl.create_default_context(cafile=plane.ca_file)
        limits = Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=KEEPALIVE_SECONDS)
        proxy = self._settings.control_plane_proxy
        http = DefaultAsyncHttpxClient(verify=trust, trust_env=False, limits=limits, proxy=proxy, auth=signed)
        self._client = AsyncAnthropic(
            auth_token=NAMED_BY_EACH_CALL, base_url=plane.url, max_retries=0, timeout=CALL_SECONDS, http_client=http
        )
        self._work = self._client.beta.environments.work
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def poll(self, key: SecretStr) -> Item | None:
        """Long-polls once. Raises `KeyRefused`, `QueueSlowed`, `QueueAway`."""
        async with self._told("poll"):
            found = await self._work.poll(
                self._environment, block_ms=self._block_ms, anthropic_worker_id=self._settings.host, extra_headers=_bearer(key)
            )
        if found is None:
            return None
        kind = str(getattr(found.data, "type", ""))
        secret = SecretStr(found.secret) if found.secret else None
        return Item(work_id=found.id, kind=kind, session_id=str(getattr(found.data, "id", "")), secret=secret)

    async def ack(self, work_id: str, key: SecretStr) -> None:
        """Raises `ItemGone` when the item can't be had any more, and as `poll`."""
        async with self._told("ack"):
            await self._work.ack(work_id, environment_id=self._environment, extra_headers=_bearer(key))

    async def heartbeat(self, work_id: str, expected: str | None, credential: SecretStr) -> Beat:
        """Raises `LeaseLost` (412), `ItemGone`, and as `poll`."""
        async with self._told("heartbeat"):
            beat = await self._work.heartbeat(
                work_id,
                environment_id=self._environment,
                expected_last_heartbeat=expected or NO_HEARTBEAT,
                extra_headers=_bearer(credential),
            )
        return Beat(beat.last_heartbeat, beat.state, beat.lease_extended, float(beat.ttl_seconds))

    async def stop(self, work_id: str, credential: SecretStr) -> None:
        """Posts `stop {"force": true}`; an item that is stopped already (409) is fine. Raises as `ack`."""
        try:
            async with self._told("stop"):
                await self._work.stop(work_id, environment_id=self._environment, force=True, extra_headers=_bearer(credential))
        except ItemGone as gone:
            if gone.status != 409:
                raise

    @asynccontextmanager
    async def _told(self, doing: str) -> AsyncIterator[None]:
        """Turns the SDK's errors into ours. The bodies of answers aren't repeated: they are the control plane's, and may be long."""
        try:
            yield
        except APIStatusError as error:
            answer = error.response
            if self._settings.signing and identity_refused(answer.status_code, answer.headers):
                raise RoleRefused(f"{doing}: {why_refused(answer.status_code, answer.headers, answer.content)}") from error
            raise _refusal(doing, error) from error
        except (APIConnectionError, anthropic.APIResponseValidationError) as error:
            raise QueueAway(f"{doing}: the control plane can't be reached: {error.__cause__ or error}") from error


def sessions_token(secret: SecretStr | None) -> SecretStr | None:
    """The token inside an item's secret: URL-safe base64, padding optional, of JSON with a string `sessions_token` (SDK 2.11)."""
    if secret is None:
        return None
    packed = secret.get_secret_value()
    try:
        opened = json.loads(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except ValueError:
        return None
    token = opened.get("sessions_token") if isinstance(opened, dict) else None
    return SecretStr(token) if isinstance(token, str) and token else None


def _refusal(doing: str, error: APIStatusError) -> Exception:
    status = error.status_code
    if status in (401, 403):
        return KeyRefused(f"{doing}: the control plane refuses the credential ({status})")
    if status == 429:
        return QueueSlowed(_retry_after(error))
    if status == 412:
        current = _current_state(error.body)
        return LeaseLost(str(current.get("state") or ""), str(current.get("last_heartbeat") or ""))
    if status >= 500 or status == 408:
        return QueueAway(f"{doing}: the control plane answered {status}")
    return ItemGone(doing, status)


def _retry_after(error: APIStatusError) -> float | None:
    try:
        return max(0.0, float(error.response.headers.get("retry-after", "")))
    except ValueError:
        return None


def _current_state(body: object) -> Mapping[str, object]:
    for name in ("error", "details", "current_state"):
        body = body.get(name) if isinstance(body, dict) else None
    return body if isinstance(body, dict) else {}


def _bearer(credential: SecretStr) -> dict[str, str]:
    return {"authorization": f"Bearer {credential.get_secret_value()}"}
