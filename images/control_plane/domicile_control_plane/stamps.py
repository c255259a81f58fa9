"""Identifiers and time stamps as the API writes them; used wherever an object or an event is made."""

from __future__ import annotations

import secrets
import string
from datetime import UTC, datetime

_ALPHABET = string.digits + string.ascii_letters


def new_id(prefix: str) -> str:
    """An opaque id in the API's manner, such as `sesn_01…`."""
    return f"{prefix}_01" + "".join(secrets.choice(_ALPHABET) for _ in range(22))


def now_text() -> str:
    """The current time in RFC 3339 with microseconds, UTC."""
    return text(datetime.now(UTC).timestamp())


def text(seconds: float) -> str:
    """RFC 3339 of a time in seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
