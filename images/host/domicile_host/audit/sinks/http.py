"""What sinks that speak HTTP share: one connection pool, credentials read when needed, and what an answer's status means."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import time

import aiohttp

from domicile_host.audit.sinks import RefusedError, UnavailableError

TIMEOUT_SECONDS = 30
COMPRESS_BYTES = 1024
MOST_ANSWER_BYTES = 1 << 20
MOST_RETRY_AFTER_SECONDS = 300.0
REFUSALS = frozenset({400, 413, 422})
"""Statuses that speak of the request's content. All others, 401, 403 and 404 among them, speak of the sink or of its settings."""


class NoAnswerError(UnavailableError):
    """The sink couldn't be reached, or went away in the middle."""


@dataclass(frozen=True, slots=True)
class Response:
    """A sink's answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_seconds(self) -> float | None:
        """`Retry-After` in either of its forms, within bounds."""
        value = self.headers.get("Retry-After", "").strip()
        if not value:
            return None
        try:
            seconds = float(value) if value.isdecimal() else parsedate_to_datetime(value).timestamp() - time()
        except ValueError:
            return None
        return min(max(0.0, seconds), MOST_RETRY_AFTER_SECONDS)

    def summary(self) -> str:
        """The status with the start of the body, for a reason."""
        return f"HTTP {self.status} {self.body[:300].decode(errors='replace')}".strip()


class HttpClient:
    """Posts bodies to one sink."""

    def __init__(self, url: str, ca_file: Path | None, credentials: Path, proxy: str | None = None) -> None:
        """Connects with the first request, through `proxy` if there is one."""
        self._url, self._ca_file, self._credentials, self._proxy = url.rstrip("/"), ca_file, credentials, proxy
        self._session: aiohttp.ClientSession | None = None

    def credential(self, name: str) -> str:
        """The value of a credential. Raises `UnavailableError` while it isn't there."""
        try:
            return (self._credentials / name).read_text().strip()
        except OSError as error:
            raise UnavailableError(f"the credential {name} can't be read: {error.strerror}; put it into the secrets manager") from error

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Posts `body`. Raises `NoAnswerError`."""
        headers = {"Content-Type": "application/json", **headers}
        if len(body) >= COMPRESS_BYTES:
            body, headers["Content-Encoding"] = await asyncio.to_thread(gzip.compress, body, 1), "gzip"
        try:
            async with self._open().post(self._url + path, data=body, headers=headers, allow_redirects=False) as answer:
                return Response(answer.status, dict(answer.headers), await _read(answer))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise NoAnswerError(f"no answer: {type(error).__name__}: {error}") from error

    async def close(self) -> None:
        """Closes the connections."""
        if self._session:
            await self._session.close()
        self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            context = ssl.create_default_context(cafile=self._ca_file)
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context, limit=64), timeout=timeout, proxy=self._proxy)
        return self._session


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) > MOST_ANSWER_BYTES:
            raise NoAnswerError(f"an answer of more than {MOST_ANSWER_BYTES} bytes")
    return bytes(body)


def judge(response: Response) -> None:
    """Passes a success. Raises `RefusedError` or `UnavailableError` for all else."""
    if 200 <= response.status < 300:
        return
    if response.status in REFUSALS:
        raise RefusedError(response.summary())
    raise UnavailableError(response.summary(), response.retry_after_seconds)
