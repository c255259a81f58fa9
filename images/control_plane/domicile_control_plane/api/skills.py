"""`/v1/skills`: what a worker downloads, in both dialects (`versions/latest`, or the list of versions)."""

from __future__ import annotations

from aiohttp import web

from ..errors import PermissionDeniedError
from .access import caller, of_subject, one, page, rooms

routes = web.RouteTableDef()


@routes.get("/v1/skills/{skill_id}/versions", name="skills.versions")
async def versions(request: web.Request) -> web.Response:
    """All versions, newest first, in one page."""
    return page(rooms(request).skills.versions(_permitted(request)), None)


@routes.get("/v1/skills/{skill_id}/versions/{version}", name="skills.version")
async def version(request: web.Request) -> web.Response:
    """One version, or `latest`."""
    return one(rooms(request).skills.version(_permitted(request), request.match_info["version"]))


@routes.get("/v1/skills/{skill_id}/versions/{version}/content", name="skills.content")
async def content(request: web.Request) -> web.Response:
    """The version's files as a zip."""
    archive = rooms(request).skills.archive(_permitted(request), request.match_info["version"])
    return web.Response(body=archive, content_type="application/zip")


def _permitted(request: web.Request) -> str:
    skill_id = request.match_info["skill_id"]
    who = caller(request, "API key", "environment key", "item token", betas=())
    held = rooms(request)
    anyones = who.kind in ("API key", "role")
    sessions = [] if anyones else [of_subject(request, who)] if who.subject else held.sessions.all(who.environment_id)
    if not anyones and not any(skill_id == skill["skill_id"] for session in sessions for skill in session["agent"]["skills"]):
        raise PermissionDeniedError(f"skill {skill_id} belongs to no session of this credential")
    return skill_id
