"""Claude Platform on AWS before the stand-in: who asks is a role, known by the request's signature, and IAM says what it may.

`server.ControlPlane` puts it before the API when it is told to stand in for that platform; there no key or token opens anything. It
shares no code with those who sign. Sources: IAM User Guide, Signature Version 4 for API requests (2026); the routes' actions and the
workspace header: platform.claude.com, IAM actions for Claude Platform on AWS (2026-08). The wording of refusals is AWS's usual one.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import quote, unquote

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

SERVICE, WINDOW_SECONDS = "aws-external-anthropic", 300
ACTIONS = {
    "environments.create": "CreateEnvironment", "environments.list": "ListEnvironments", "environments.retrieve": "GetEnvironment",
    "environments.update": "UpdateEnvironment", "environments.delete": "DeleteEnvironment", "environments.archive": "ArchiveEnvironment",
    "work.poll": "ProcessEnvironmentWork", "work.ack": "ProcessEnvironmentWork", "work.heartbeat": "ProcessEnvironmentWork",
    "work.stop": "ProcessEnvironmentWork", "work.update": "ProcessEnvironmentWork", "work.stats": "GetEnvironment",
    "work.retrieve": "GetEnvironment", "sessions.create": "CreateSession", "sessions.list": "ListSessions",
    "sessions.retrieve": "GetSession", "sessions.archive": "ArchiveSession", "events.list": "GetSession", "events.stream": "GetSession",
    "events.send": "UpdateSession", "skills.versions": "GetSkill", "skills.version": "GetSkill", "skills.content": "GetSkill",
}  # fmt: skip
"""The action that opens a route, by the route's name; one that isn't here isn't served on AWS, or not to a worker."""

ROLE = web.RequestKey("role", str)
"""The name of the role that asks; only on a request that came through the front door."""

_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/, ]+)/([^, ]+), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})")


class Denied(Exception):
    """A request that AWS turns away before the API sees it."""

    def __init__(self, kind: str, message: str, status: int = 403) -> None:
        super().__init__(message)
        self.kind, self.status = kind, status


@dataclass(frozen=True)
class Login:
    """Session credentials of a role."""

    role: str
    actions: frozenset[str]
    secret: str = field(repr=False)
    token: str = field(repr=False)
    until: float


class FrontDoor:
    """One workspace in one region of one account."""

    def __init__(
        self, workspace_id: str, region: str = "ap-northeast-1", account: str = "123456789012", clock: Callable[[], float] = time.time
    ) -> None:
        self.workspace_id, self.region, self._account, self._clock = workspace_id, region, account, clock
        self._logins: dict[str, Login] = {}
        self.passed: list[tuple[str, str]] = []
        """Role and action of each request that came through, in order."""

    def login(self, role: str, *actions: str, seconds: float = 3600) -> dict[str, str]:
        """New credentials of a role that may do `actions`, in the form of a machine's metadata service."""
        key, until = "ASIA" + secrets.token_hex(8).upper(), self._clock() + seconds
        login = Login(role, frozenset(actions), secrets.token_urlsafe(30), secrets.token_urlsafe(60), until)
        self._logins[key] = login
        ends = datetime.fromtimestamp(until, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"AccessKeyId": key, "SecretAccessKey": login.secret, "Token": login.token, "Expiration": ends}

    def revoke(self, role: str) -> None:
        """IAM gives the role nothing any more; its credentials are still known."""
        self._logins = {
            key: Login(found.role, frozenset(), found.secret, found.token, found.until) if found.role == role else found
            for key, found in self._logins.items()
        }

    @property
    def middleware(self) -> Middleware:
        """To be put before the API's handlers."""

        @web.middleware
        async def ask(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                login = self._identified(request, await request.read())
                self._authorized(request, login)
            except Denied as denied:
                told = {"x-amzn-errortype": denied.kind, "x-amzn-requestid": secrets.token_hex(16)}
                headers = told | {"date": formatdate(self._clock(), usegmt=True)}
                return web.json_response({"message": str(denied)}, status=denied.status, headers=headers)
            request[ROLE] = login.role
            return await handler(request)

        return ask

    def _identified(self, request: web.Request, body: bytes) -> Login:
        """Whose signature it is. Raises `Denied`."""
        given = request.headers.getall("authorization", [])
        if not given:
            raise Denied("MissingAuthenticationTokenException", "Missing Authentication Token")
        found = _AUTHORIZATION.fullmatch(given[0]) if len(given) == 1 else None
        if found is None:
            raise Denied("IncompleteSignatureException", "no Signature Version 4: keys and tokens open nothing here")
        key, scope, signed, signature = found.groups()
        login = self._known(key, request)
        moment = request.headers.get("x-amz-date", "")
        self._on_time(moment)
        if scope != f"{moment[:8]}/{self.region}/{SERVICE}/aws4_request":
            raise Denied("InvalidSignatureException", f"Credential should be scoped to {moment[:8]}/{self.region}/{SERVICE}, not {scope}")
        text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, _digest(_canonical(request, signed.split(";"), body).encode())))
        if not hmac.compare_digest(_signature(login.secret, scope.split("/"), text), signature):
            raise Denied("InvalidSignatureException", "The request signature we calculated does not match the signature you provided.")
        return login

    def _known(self, key: str, request: web.Request) -> Login:
        login = self._logins.get(key)
        if login is None or not hmac.compare_digest(request.headers.get("x-amz-security-token", ""), login.token):
            raise Denied("UnrecognizedClientException", "The security token included in the request is invalid.")
        if login.until <= self._clock():
            raise Denied("ExpiredTokenException", "The security token included in the request is expired")
        return login

    def _on_time(self, moment: str) -> None:
        try:
            at = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise Denied("IncompleteSignatureException", "X-Amz-Date is missing or no date") from None
        if at < self._clock() - WINDOW_SECONDS:
            raise Denied("InvalidSignatureException", f"Signature expired: {moment} is more than 5 min. ago")
        if at > self._clock() + WINDOW_SECONDS:
            raise Denied("InvalidSignatureException", f"Signature not yet current: {moment} is more than 5 min. ahead")

    def _authorized(self, request: web.Request, login: Login) -> None:
        """Raises `Denied` unless IAM lets the role do this in its workspace."""
        asked = request.headers.getall("anthropic-workspace-id", [])
        if len(asked) != 1:
            raise Denied("ValidationException", "anthropic-workspace-id: header is required", 400)
        action = ACTIONS.get(request.match_info.route.name or "", "")
        if asked[0] != self.workspace_id or action not in login.actions:
            arn = f"arn:aws:{SERVICE}:{self.region}:{self._account}:workspace/{asked[0]}"
            who = f"arn:aws:sts::{self._account}:assumed-role/{login.role}/session"
            raise Denied("AccessDeniedException", f"User: {who} is not authorized to perform: {SERVICE}:{action or '-'} on resource: {arn}")
        self.passed.append((login.role, action))


def _canonical(request: web.Request, signed: list[str], body: bytes) -> str:
    """The request as both sides write it down. Raises `Denied` for a signature that leaves out what it must cover."""
    must = {"host", *(name.lower() for name in request.headers if name.lower().startswith("x-amz-"))}
    if signed != sorted(set(signed)) or (missing := must - set(signed)):
        raise Denied("InvalidSignatureException", f"'{sorted(missing or signed)[0]}' must be a 'SignedHeader' in the AWS Authorization.")
    if (told := request.headers.get("x-amz-content-sha256")) is not None and told != _digest(body):
        raise Denied("InvalidSignatureException", "The provided 'x-amz-content-sha256' header does not match what was computed.")
    path, _, query = request.raw_path.partition("?")
    pairs = sorted(tuple(quote(unquote(text), safe="~") for text in part.partition("=")[::2]) for part in query.split("&") if part)
    lines = "".join(f"{name}:{','.join(_values(request, name))}\n" for name in signed)
    return "\n".join(
        (request.method, quote(path, safe="/~"), "&".join("=".join(pair) for pair in pairs), lines, ";".join(signed), _digest(body))
    )


def _values(request: web.Request, name: str) -> list[str]:
    return [re.sub(r" +", " ", value.strip()) for value in request.headers.getall(name, [])]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _signature(secret: str, scope: list[Any], text: str) -> str:
    key = ("AWS4" + secret).encode()
    for part in scope:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
