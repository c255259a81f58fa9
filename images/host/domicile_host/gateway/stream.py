"""Server-sent events, event by event: read from the control plane, written anew for the sandbox's worker.

Used by `session`. Nothing of the original bytes is passed on, so no event can hold a second one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import JsonValue

from domicile_host.gateway import strict_json

EVENT_BYTES = 40 << 20
"""One event: the echo of the largest result, with room for its escapes."""

KEEPALIVE = b": keepalive\n\n"
_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")


class BrokenStream(Exception):
    """The control plane sent what isn't a stream of events; the stream is cut and the worker opens another."""


@dataclass(frozen=True)
class StreamEvent:
    """One event; `data` is JSON, or None for a comment (keepalive)."""

    name: str
    data: JsonValue

    def encode(self) -> bytes:
        if not self.name:
            return KEEPALIVE
        return b"event: " + self.name.encode() + b"\ndata: " + strict_json.serialise_ascii(self.data) + b"\n\n"


class StreamReader:
    """Takes chunks as they come and gives each event as soon as it is whole."""

    def __init__(self, limit_bytes: int = EVENT_BYTES) -> None:
        self._limit = limit_bytes
        self._rest = bytearray()
        self._searched = 0
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[StreamEvent]:
        """The events that `chunk` completes. Raises `BrokenStream`."""
        self._rest += chunk
        while (found := _LINE_END.search(self._rest, self._searched)) is not None:
            line = bytes(self._rest[: found.start()])
            del self._rest[: found.end()]
            self._searched = 0
            event = self._line(line)
            if event is not None:
                yield event
        self._searched = max(0, len(self._rest) - 1)
        if self._size + len(self._rest) > self._limit:
            raise BrokenStream("an event over the limit")

    def _line(self, line: bytes) -> StreamEvent | None:
        if not line:
            return self._whole()
        if line.startswith(b":"):
            return StreamEvent("", None)
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"event":
            self._name = value.decode("ascii", "replace")
        elif name == b"data":
            self._data.append(value)
            self._size += len(value)
        return None

    def _whole(self) -> StreamEvent | None:
        name, data = self._name, self._data
        self._name, self._data, self._size = "", [], 0
        if not data:
            return None
        try:
            value = strict_json.parse(b"\n".join(data))
        except strict_json.MalformedJson as error:
            raise BrokenStream(f"an event that is {error}") from error
        return StreamEvent(name if _NAME.fullmatch(name) else "message", value)
