"""JSON lines on standard error: what the stand-in and its outside world say about themselves. Never a credential."""

from __future__ import annotations

import json
import sys
from typing import Any, Protocol, TextIO

from .stamps import now_text


class Logger(Protocol):
    """Anything that takes a named event with fields."""

    def __call__(self, event: str, /, **fields: Any) -> None:
        """Record it."""


class Log:
    """Writes one JSON object a line."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def __call__(self, event: str, /, **fields: Any) -> None:
        stream = self._stream or sys.stderr
        stream.write(json.dumps({"time": now_text(), "event": event, **fields}, default=str) + "\n")
        stream.flush()


def silent(event: str, /, **fields: Any) -> None:
    """A log that says nothing, for a stand-in inside a test."""
