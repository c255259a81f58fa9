"""The calls on skills: the session's own, in the versions that it names. Called by `sandbox_side`."""

from __future__ import annotations

import aiohttp
import structlog
from aiohttp import web
from pydantic import JsonValue

from domicile_host.gateway import body, upstream
from domicile_host.gateway.refusal import Refused
from domicile_host.gateway.routes import Call
from domicile_host.gateway.session import Session

log = structlog.get_logger("gateway")

ARCHIVE_BYTES = 1 << 30
"""A skill's archive; the Go worker's own limit for its content (SDK 2.12, skillarchive.go)."""


async def version(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    named = await _named(session, call.ids["skill_id"])
    if call.ids["version"] not in named | _known(session, call.ids["skill_id"]):
        raise Refused("own-skills", 403, "the session names another version of this skill")
    async with session.api.call("GET", call.target, session.token, upstream.request_headers(request.headers)) as response:
        value, answer = await body.from_upstream(response)
        if response.status == 200:
            _learn(session, call.ids["skill_id"], value)
        return answer


async def content(session: Session, call: Call, request: web.BaseRequest) -> web.StreamResponse:
    skill_id, wanted = call.ids["skill_id"], call.ids["version"]
    named = await _named(session, skill_id)
    if wanted not in named | _known(session, skill_id) and not session.book.flooded:
        for name in sorted(named):
            _learn(session, skill_id, await session.look_up(f"/v1/skills/{skill_id}/versions/{name}"))
    if wanted not in named | _known(session, skill_id):
        raise Refused("own-skills", 403, "the session names another version of this skill")
    headers = upstream.request_headers(request.headers)
    async with session.api.call("GET", call.target, session.token, headers) as response:
        if response.status != 200:
            return (await body.from_upstream(response))[1]
        answer = web.StreamResponse(headers={"content-type": "application/octet-stream"})
        answer.headers.update(upstream.response_headers(response.headers))
        answer.content_length = response.content_length
        await answer.prepare(request)
        try:
            await _copy(response, answer)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("archive-cut", session_id=session.binding.session_id, skill_id=skill_id, why=type(error).__name__)
            body.cut(request)  # the head is out: only a broken connection says that the rest isn't there
        return answer


async def _copy(response: aiohttp.ClientResponse, answer: web.StreamResponse) -> None:
    passed = 0
    async for chunk in response.content.iter_any():
        passed += len(chunk)
        if passed > ARCHIVE_BYTES:
            raise OSError("the skill's archive is over the limit")
        await answer.write(chunk)


async def _named(session: Session, skill_id: str) -> frozenset[str]:
    named = (await session.attached()).skills.get(skill_id)
    if named is None and not session.book.flooded:
        named = (await session.attached(anew=True)).skills.get(skill_id)
    if named is None:
        raise Refused("own-skills", 403, "the session doesn't name this skill")
    return named


def _known(session: Session, skill_id: str) -> set[str]:
    return session.traces.skill_versions.get(skill_id, set())


def _learn(session: Session, skill_id: str, value: JsonValue) -> None:
    if isinstance(value, dict) and isinstance(value.get("id"), str):
        session.traces.skill_versions.setdefault(skill_id, set()).add(str(value["id"]))
