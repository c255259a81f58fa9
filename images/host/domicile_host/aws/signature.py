"""AWS Signature Version 4 for one request at a time: all that the host asks of AWS is a few small calls.

Used by `calls`. AWS's own library brings every service's model along, 25 MB of it, into the process that holds the environment key;
tests hold this to that library's signer. (IAM User Guide: "Create a signed AWS API request", 2026.)
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote, urlsplit

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr

ALGORITHM = "AWS4-HMAC-SHA256"
PATH_AS_SENT = frozenset({"s3"})
"""Services that take a path's escapes as they are; all others see them escaped once more."""


class RoleCredentials(BaseModel):
    """A role's session credentials, in the form that the machine's metadata service gives them."""

    model_config = ConfigDict(frozen=True)

    access_key_id: str = Field(alias="AccessKeyId")
    secret_access_key: SecretStr = Field(alias="SecretAccessKey")
    token: SecretStr = Field(alias="Token")
    expiration: AwareDatetime | None = Field(None, alias="Expiration")


@dataclass(frozen=True, slots=True)
class Scope:
    """Which service of which region a signature is good for."""

    region: str
    service: str


def sign(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    scope: Scope,
    credentials: RoleCredentials,
    now: datetime | None = None,
) -> dict[str, str]:
    """The headers to send: `headers`, all of them signed, and those of the signature. `url` is as it is sent."""
    moment = (now or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    parts = urlsplit(url)
    sent = {name.lower(): " ".join(value.split()) for name, value in headers.items()}
    sent |= {"host": parts.netloc, "x-amz-date": moment, "x-amz-security-token": credentials.token.get_secret_value()}
    sent["x-amz-content-sha256"] = digest
    names = ";".join(sorted(sent))
    query = _query(parts.query)
    path = parts.path if scope.service in PATH_AS_SENT else quote(parts.path, safe="/-_.~")
    lines = "".join(f"{name}:{sent[name]}\n" for name in sorted(sent))
    canonical = "\n".join((method, path or "/", query, lines, names, digest))
    day = f"{moment[:8]}/{scope.region}/{scope.service}/aws4_request"
    signed = "\n".join((ALGORITHM, moment, day, hashlib.sha256(canonical.encode()).hexdigest()))
    signature = hmac.digest(_key(credentials, moment[:8], scope), signed.encode(), "sha256").hex()
    authorization = f"{ALGORITHM} Credential={credentials.access_key_id}/{day}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "authorization": authorization}


def _query(text: str) -> str:
    """By name, then by value, each escaped in one way: AWS doesn't take `+` for a blank."""
    pairs = (part.partition("=")[::2] for part in text.split("&") if part)
    escaped = sorted((_escaped(unquote(name)), _escaped(unquote(value))) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in escaped)


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


def _key(credentials: RoleCredentials, day: str, scope: Scope) -> bytes:
    key = b"AWS4" + credentials.secret_access_key.get_secret_value().encode()
    for part in (day, scope.region, scope.service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
