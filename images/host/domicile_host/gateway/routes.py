"""The calls that pass, as a table: method, path and query of each. Whatever isn't in it is refused.

Source: the calls that the official workers make (facts of the worker protocol, measured with Python SDK 2.11 and Go SDK 2.12).
Paths are taken literally: a percent sign, an empty or a dot segment never passes, so that gateway and control plane can't
read one path in two ways.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from domicile_host.gateway.refusal import Refused

RouteName = Literal[
    "item",
    "heartbeat",
    "stop",
    "session",
    "history",
    "stream",
    "result",
    "skill-version",
    "skill-content",
    "memories",
    "memory",
    "memory-create",
    "memory-update",
    "memory-delete",
]

_TARGET = re.compile(r"(?P<path>/[A-Za-z0-9._~/-]*)(?:\?(?P<query>[\x21\x24-\x7e]*))?")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")
_OPAQUE = re.compile(r"[\x21-\x7e]{1,2048}")
_VIEW = re.compile(r"basic|full")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LEGACY_BETA = re.compile(r"true")
"""`?beta=true`: Go SDK 1.x and older Python SDKs add it to every call."""

TARGET_BYTES = 6000


@dataclass(frozen=True)
class Route:
    """One documented call. `{name}` in the path stands for one identifier."""

    name: RouteName
    method: str
    path: str
    query: Mapping[str, re.Pattern[str]] = field(default_factory=dict)


_MEMORIES = "/v1/memory_stores/{store_id}/memories"
_WORK = "/v1/environments/{environment_id}/work/{work_id}"

ROUTES: tuple[Route, ...] = (
    Route("item", "GET", "/domicile/v1/item"),
    Route("heartbeat", "POST", f"{_WORK}/heartbeat", {"expected_last_heartbeat": _OPAQUE, "desired_ttl_seconds": _COUNT}),
    Route("stop", "POST", f"{_WORK}/stop"),
    Route("session", "GET", "/v1/sessions/{session_id}"),
    Route("history", "GET", "/v1/sessions/{session_id}/events", {"limit": _COUNT, "page": _OPAQUE, "order": re.compile("asc")}),
    Route("stream", "GET", "/v1/sessions/{session_id}/events/stream"),
    Route("result", "POST", "/v1/sessions/{session_id}/events"),
    Route("skill-version", "GET", "/v1/skills/{skill_id}/versions/{version}"),
    Route("skill-content", "GET", "/v1/skills/{skill_id}/versions/{version}/content"),
    Route("memories", "GET", _MEMORIES, {"limit": _COUNT, "view": _VIEW, "page": _OPAQUE}),
    Route("memory", "GET", _MEMORIES + "/{memory_id}", {"view": _VIEW}),
    Route("memory-create", "POST", _MEMORIES, {"view": _VIEW}),
    Route("memory-update", "POST", _MEMORIES + "/{memory_id}", {"view": _VIEW}),
    Route("memory-delete", "DELETE", _MEMORIES + "/{memory_id}", {"expected_content_sha256": _SHA256}),
)


@dataclass(frozen=True)
class Call:
    """A request that is in the table."""

    route: RouteName
    method: str
    path: str
    ids: Mapping[str, str]
    query: Mapping[str, str]

    @property
    def target(self) -> str:
        """Path and query, written anew from what was checked."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


def match(method: str, target: str) -> Call:
    """The documented call that a request line makes. Raises `Refused` when there is none."""
    found = _TARGET.fullmatch(target) if len(target) <= TARGET_BYTES else None
    if found is None:
        raise Refused("canonical-path", 403, "the request's target has characters that no documented call has")
    path = found["path"]
    segments = path[1:].split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise Refused("canonical-path", 403, "empty and dot segments don't pass")
    for route in ROUTES:
        ids = _fit(route.path[1:].split("/"), segments)
        if ids is not None and route.method == method:
            return Call(route.name, method, path, ids, _query(route, found["query"]))
    raise Refused("documented-calls", 404, "a sandbox may make its session's documented calls only")


def _fit(template: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(template) != len(segments):
        return None
    ids: dict[str, str] = {}
    for expected, given in zip(template, segments, strict=True):
        if expected.startswith("{"):
            if not _IDENTIFIER.fullmatch(given):
                return None
            ids[expected[1:-1]] = given
        elif expected != given:
            return None
    return ids


def _query(route: Route, text: str | None) -> dict[str, str]:
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=8)
    except ValueError as error:
        raise Refused("query", 400, "the query can't be read") from error
    allowed = {**route.query, "beta": _LEGACY_BETA}
    query: dict[str, str] = {}
    for name, value in pairs:
        pattern = allowed.get(name)
        if name in query or pattern is None or not pattern.fullmatch(value):
            raise Refused("query", 400, "the query has a parameter, or a value, that this call isn't documented to have")
        query[name] = value
    return query
