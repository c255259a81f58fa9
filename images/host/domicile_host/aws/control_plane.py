"""Requests to Claude Platform on AWS: signed with a role's credentials, in place of the environment key and the items' tokens.

Used by the dispatcher (`queue`) and the gateway (`upstream`). Anthropic's SDK 2.11 does the same with AWS's library (`lib/aws/_client.py`):
its AWS client signs each request, whatever bearer it was given, and names the workspace in a header.
"""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx2

from domicile_host.aws.role import RoleFile
from domicile_host.aws.signature import Scope, sign
from domicile_host.settings import Signing

SERVICE = "aws-external-anthropic"
"""What signatures are for (platform.claude.com: Claude Platform on AWS, 2026-08)."""

WORKSPACE = "anthropic-workspace-id"
SKEW_SECONDS = 300
"""How far a signature's time may be from AWS's own (IAM User Guide: Signature Version 4 for API requests, 2026)."""

IDENTITY_ERRORS = frozenset(
    {
        "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "IncompleteSignatureException", "InvalidClientTokenId",
        "InvalidSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "NotAuthorized", "OptInRequired",
        "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException",
    }
)  # fmt: skip
"""Of who asks, not of what is asked, whatever the status (STS API Reference: common error types, 2026)."""

_SIGNED = re.compile(r"content-type|anthropic-[a-z-]+")
"""The headers that say what a request means; a proxy on the way may touch the others."""

_NEVER = re.compile(r"authorization|x-api-key|x-amz-.*|host")


class Signer:
    """Signs requests of one workspace with the role in a file."""

    def __init__(self, signing: Signing, role_file: Path) -> None:
        self._scope, self._workspace = Scope(signing.region, SERVICE), signing.workspace_id
        self._role = RoleFile(role_file)

    def headers(self, method: str, url: str, given: Mapping[str, str], body: bytes) -> dict[str, str]:
        """What is sent: `given` but what could be a credential, the workspace, and the signature. Raises `AwsAway`."""
        kept = {name.lower(): value for name, value in given.items() if not _NEVER.fullmatch(name.lower())}
        kept[WORKSPACE] = self._workspace
        meaning = {name: value for name, value in kept.items() if _SIGNED.fullmatch(name)}
        return {**kept, **sign(method, url, meaning, body, self._scope, self._role.credentials())}


class SignedRequests(httpx2.Auth):
    """The same for the SDK's client: each request is signed as it is sent."""

    requires_request_body = True

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers = httpx2.Headers(self._signer.headers(request.method, str(request.url), request.headers, request.content))
        yield request


def identity_refused(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer is about who asks."""
    return status in (401, 403) or error_type(headers) in IDENTITY_ERRORS


def error_type(headers: Mapping[str, str]) -> str:
    """AWS's name of an error; empty when it says none."""
    return headers.get("x-amzn-errortype", "").partition(":")[0]


def why_refused(status: int, headers: Mapping[str, str], body: bytes, now: datetime | None = None) -> str:
    """A refusal for the operator: first whether this machine's clock is why, then AWS's own words and its id of the request."""
    told = f"AWS refuses the role ({' '.join(filter(None, (str(status), error_type(headers))))})"
    if (off := _clock_off(headers, now or datetime.now(UTC))) > SKEW_SECONDS:
        return f"{told}: this machine's clock is {off:.0f} s away from AWS's, and a signature is good for {SKEW_SECONDS} s: set the clock"
    request = headers.get("x-amzn-requestid", "")
    return f"{told}: {_message(body)}" + (f" [request {request[:64]}]" if request else "")


def _clock_off(headers: Mapping[str, str], now: datetime) -> float:
    try:
        return abs((now - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _message(body: bytes) -> str:
    """A line of plain text out of the answer; it names role, action and workspace, and no secret."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if isinstance(found, dict):
        inner = found.get("error")
        found = found.get("message") or found.get("Message") or (inner.get("message") if isinstance(inner, dict) else None)
    return re.sub(r"[^\x20-\x7e]+", " ", found)[:400] if isinstance(found, str) else "no message"
