"""The control plane as the gateway reaches it: one pool of connections, no redirects, no retries, no proxy but the host's own next door.

Used by `session`. Retries are the worker's business: a gateway that retries posts could send a result twice.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import perf_counter

import aiohttp
import structlog
from pydantic import JsonValue
from yarl import URL

from domicile_host.aws.control_plane import Signer, identity_refused, why_refused
from domicile_host.aws.role import AwsAway
from domicile_host.gateway import strict_json
from domicile_host.gateway.metrics import Metrics
from domicile_host.gateway.refusal import Unavailable
from domicile_host.settings import HostSettings

log = structlog.get_logger("gateway")

JSON_BYTES = 96 << 20
"""A page of the event history: two of the largest results, or a thousand usual ones."""

_PLAIN = aiohttp.ClientTimeout(total=90, connect=15, sock_connect=10)
_STREAM = aiohttp.ClientTimeout(total=None, connect=15, sock_connect=10, sock_read=900)

_REQUEST_HEADERS: Mapping[str, re.Pattern[str]] = {
    "accept": re.compile(r"[A-Za-z0-9*/+.,;= -]{1,128}"),
    "anthropic-version": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "user-agent": re.compile(r"[A-Za-z0-9 /._()+:;,-]{1,200}"),
    "x-stainless-helper": re.compile(r"[A-Za-z0-9 _.,-]{1,200}"),
    "x-stainless-retry-count": re.compile(r"[0-9]{1,3}"),
    "x-stainless-lang": re.compile(r"[A-Za-z0-9 ._-]{1,60}"),
    "x-stainless-package-version": re.compile(r"[A-Za-z0-9 ._+-]{1,60}"),
    "x-stainless-runtime": re.compile(r"[A-Za-z0-9 ._-]{1,60}"),
    "x-stainless-runtime-version": re.compile(r"[A-Za-z0-9 ._+-]{1,60}"),
}
"""The worker's headers that pass, and what they may hold. The credential is the gateway's to set, and all others stay behind."""

OWN_HEADERS: Mapping[str, str] = {
    "accept": "application/json",
    "anthropic-version": "2026-10-21",
    "anthropic-beta": "managed-agents-2026-04-01",
    "user-agent": "domicile-gateway",
    "x-stainless-helper": "environments-worker",
}
"""Headers of the gateway's own reads."""

_BETA = re.compile(r"(managed-agents|agent-memory|skills)-[0-9]{4}-[0-9]{2}-[0-9]{2}")
"""The features that workers need; another value of `anthropic-beta` could change what a call means, and is left out."""

_RESPONSE_HEADERS = ("request-id", "retry-after", "retry-after-ms", "x-should-retry")
_RESPONSE_VALUE = re.compile(r"[\x20-\x7e]{1,200}")


def request_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Those of a worker's headers that are passed on."""
    kept = {name: given[name] for name, pattern in _REQUEST_HEADERS.items() if name in given and pattern.fullmatch(given[name])}
    betas = [beta for beta in (part.strip() for part in given.get("anthropic-beta", "").split(",")) if _BETA.fullmatch(beta)]
    if betas:
        kept["anthropic-beta"] = ",".join(dict.fromkeys(betas))
    return kept


def response_headers(given: Mapping[str, str]) -> dict[str, str]:
    """Those of the control plane's headers that are passed back."""
    return {name: given[name] for name in _RESPONSE_HEADERS if name in given and _RESPONSE_VALUE.fullmatch(given[name])}


class Upstream:
    """The control plane's API."""

    def __init__(self, settings: HostSettings, metrics: Metrics) -> None:
        plane, signing = settings.control_plane, settings.signing
        self._url = plane.url.rstrip("/")
        self._signer = Signer(signing, signing.sessions_role_file) if signing else None
        tls = ssl.create_default_context(cafile=str(plane.ca_file) if plane.ca_file else None)
        tls.minimum_version = ssl.TLSVersion.TLSv1_2
        self._metrics = metrics
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=tls, limit=0, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            proxy=settings.control_plane_proxy,
            headers={"accept-encoding": "identity"},
            skip_auto_headers=("user-agent", "content-type"),
        )

    async def close(self) -> None:
        await self._http.close()

    @asynccontextmanager
    async def call(
        self, method: str, target: str, token: str | None, headers: Mapping[str, str], body: bytes | None = None, *, streaming: bool = False
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One request. `target` is a canonical path with its query. Raises `Unavailable` when there is no answer:
        then a post may have been accepted all the same."""
        sent = self._identified(method, target, token, headers if body is None else {**headers, "content-type": "application/json"}, body)
        began = perf_counter()
        url, bounds = URL(self._url + target, encoded=True), _STREAM if streaming else _PLAIN
        with told():
            async with self._http.request(method, url, headers=sent, data=body, allow_redirects=False, timeout=bounds) as response:
                self._metrics.upstream_seconds.labels(method).observe(perf_counter() - began)
                if 300 <= response.status < 400:
                    raise Unavailable("upstream", 502, "the control plane answered with a redirect, which is not followed")
                if self._signer is not None and identity_refused(response.status, response.headers):
                    log.error("role-refused", problem=why_refused(response.status, response.headers, await response.content.read(4096)))
                    raise Unavailable("upstream", 503, "the control plane doesn't let this host's role in now")
                yield response

    def _identified(self, method: str, target: str, token: str | None, headers: Mapping[str, str], body: bytes | None) -> dict[str, str]:
        """With the item's token, or signed with the sessions' role."""
        if self._signer is None and token is None:
            raise Unavailable("upstream", 503, "the control plane can't be asked: this session came without a token")
        if self._signer is None:
            return {**headers, "authorization": f"Bearer {token}"}
        try:
            return self._signer.headers(method, self._url + target, headers, body or b"")
        except AwsAway as error:
            log.error("role-away", problem=str(error))
            raise Unavailable("upstream", 503, "the control plane can't be asked: this host has no role now") from error

    async def get_json(self, target: str, token: str | None, headers: Mapping[str, str]) -> tuple[int, JsonValue]:
        """The gateway's own reads: status and JSON. Raises `Unavailable`."""
        async with self.call("GET", target, token, headers) as response:
            return response.status, await read_json(response)


@contextmanager
def told() -> Iterator[None]:
    """Tells a control plane that is away, or goes away in mid-answer, as `Unavailable`."""
    try:
        yield
    except TimeoutError as error:
        raise Unavailable("upstream", 504, "the control plane didn't answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unavailable("upstream", 502, f"the control plane can't be reached ({type(error).__name__})") from error


async def read_json(response: aiohttp.ClientResponse) -> JsonValue:
    """An answer's JSON, None for an empty one. Raises `Unavailable` when it is none or over `JSON_BYTES`."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > JSON_BYTES:
            raise Unavailable("upstream", 502, "the control plane's answer is over the limit")
    if not body:
        return None
    try:
        return strict_json.parse(bytes(body))
    except strict_json.MalformedJson as error:
        raise Unavailable("upstream", 502, f"the control plane's answer is {error}") from error
