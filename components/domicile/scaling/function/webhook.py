"""The function behind the public address: verifies that a webhook is the control plane's, and wakes the first host. Nothing more.

It holds no environment key and reads no queue: whoever got hold of it could start one host. A webhook only wakes; the host drains the
whole queue, and the scheduled look finds what no webhook told of.
Source: webhooks page of the API documentation (2026-08): Standard Webhooks signatures, five minutes, three attempts, duplicates by id.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from . import group as groups
from .watch import Cloud, clients

WINDOW_SECONDS = 300
LARGEST_BODY_BYTES = 64 << 10
LONGEST_HEADER = 1024
SECRET_SECONDS = 60.0
REMEMBERED = 1000
WAKES = "session.status_run_started"


class Refused(Exception):
    """The request isn't the control plane's; `status` is all that its sender learns."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Webhook:
    """A verified one."""

    id: str
    type: str


class Receiver:
    """Kept between calls of one instance: the signing secret for a minute, and the ids of what was done, against repeats."""

    def __init__(self, cloud: Cloud, secret_name: str, group: str, clock: Callable[[], float] = time.time) -> None:
        self._cloud, self._secret_name, self._group, self._clock = cloud, secret_name, group, clock
        self._secret, self._secret_until = b"", 0.0
        self._done: OrderedDict[str, None] = OrderedDict()

    def receive(self, event: Mapping[str, Any]) -> int:
        """The HTTP status. 503 asks the sender to come again."""
        try:
            found = self._verified(event)
        except Refused as refused:
            _log("refused", reason=str(refused), status=refused.status)
            return refused.status
        if found.type != WAKES or found.id in self._done:
            return 204
        try:
            woken = groups.wake(self._cloud.scaling, self._group, groups.read(self._cloud.scaling, self._group))
        except Exception as error:
            _log("failed", error=type(error).__name__)
            return 503
        self._remember(found.id)
        _log("received", id=found.id, woken=woken)
        return 204

    def _verified(self, event: Mapping[str, Any]) -> Webhook:
        """What costs nothing is checked first; the secret is asked for only by what could be genuine."""
        body = _body(event)
        headers = event.get("headers") or {}
        id_, stamp, signatures = (_header(headers, name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature"))
        if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(self._clock() - int(stamp)) > WINDOW_SECONDS:
            raise Refused(401, "its time isn't now")
        signed = f"{id_}.{stamp}.".encode() + body
        expected = base64.b64encode(hmac.digest(self._signing_secret(), signed, hashlib.sha256))
        given = [text.partition(",") for text in signatures.split(" ")]
        if not any(version == "v1" and hmac.compare_digest(found.encode(), expected) for version, _, found in given):
            raise Refused(401, "its signature isn't right")
        return Webhook(id_, _type(body))

    def _signing_secret(self) -> bytes:
        if self._clock() >= self._secret_until:
            try:
                text = self._cloud.secrets.get_secret_value(SecretId=self._secret_name)["SecretString"]
                secret = base64.b64decode(text.strip().removeprefix("whsec_"), validate=True)
            except Exception as error:
                raise Refused(503, f"no signing secret: {type(error).__name__}") from None
            if len(secret) < 16:
                raise Refused(503, "no signing secret: it is too short to be one")
            self._secret, self._secret_until = secret, self._clock() + SECRET_SECONDS
        return self._secret

    def _remember(self, id_: str) -> None:
        self._done[id_] = None
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)


@cache
def _receiver() -> Receiver:
    return Receiver(clients(), os.environ["SIGNING_SECRET"], os.environ["GROUP"])


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """What API Gateway calls (payload format 2.0)."""
    return {"statusCode": _receiver().receive(event)}


def _body(event: Mapping[str, Any]) -> bytes:
    text = event.get("body") or ""
    if len(text) > 2 * LARGEST_BODY_BYTES:
        raise Refused(413, "its body is too large")
    try:
        body = base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
    except (binascii.Error, ValueError):
        raise Refused(400, "its body can't be read") from None
    if len(body) > LARGEST_BODY_BYTES:
        raise Refused(413, "its body is too large")
    return body


def _header(headers: Mapping[str, str], name: str) -> str:
    """API Gateway gives names in lower case, and repeats joined by commas."""
    value = headers.get(name, "")
    if not re.fullmatch(rf"[ -~]{{1,{LONGEST_HEADER}}}", value):
        raise Refused(401, f"it has no {name} that could be one")
    return value


def _type(body: bytes) -> str:
    try:
        return str(json.loads(body)["data"]["type"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused(400, "it is signed, but no webhook") from None


def _log(event: str, **fields: object) -> None:
    print(json.dumps({"event": event, **fields}))
