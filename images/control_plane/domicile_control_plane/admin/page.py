"""The page at `/`: sessions as they run, and one session's transcript.

Plain HTML that reloads itself; what agents and workers wrote is escaped, and no script may run.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from aiohttp import web

from ..brain import content_text
from .access import plane
from .api import summary

routes = web.RouteTableDef()
STYLE = """body{font:15px/1.45 system-ui,sans-serif;margin:2rem;max-width:70rem;color:#222}table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .7rem;border-bottom:1px solid #ddd;vertical-align:top}
pre{margin:0;white-space:pre-wrap;word-break:break-word}
.passed{color:#176b2c}.failed{color:#a4161a}.running{color:#8a6100}"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@routes.get("/")
async def index(request: web.Request) -> web.Response:
    """All sessions, newest first, and the queues' numbers."""
    held = plane(request)
    rows = "".join(_session_row(summary(held, session)) for session in held.sessions.all())
    environments, _ = held.environments.page(archived=True, limit=1000, after=0)
    queues = "".join(_queue_row(environment.name, held.queue.stats(environment.id).model_dump()) for environment in environments)
    return _page(
        "Control plane stand-in",
        f"<h2>Sessions</h2><table><tr><th>session<th>title<th>status<th>work item<th>verdict</tr>{rows}</table>"
        f"<h2>Queues</h2><table><tr><th>environment<th>waiting<th>claimed<th>workers polling</tr>{queues}</table>",
    )


@routes.get("/sessions/{session_id}")
async def session(request: web.Request) -> web.Response:
    """One session's events, oldest first."""
    held = plane(request)
    found = held.sessions.get(request.match_info["session_id"])
    shown = summary(held, found)
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in shown["reasons"])
    rows = "".join(_event_row(event) for event in held.sessions.events(found["id"]))
    verdict = f"<p>{escape(found['status'])}, verdict {_verdict(shown)}</p><ul>{reasons}</ul>"
    return _page(found["title"] or found["id"], f"<p><a href='/'>all sessions</a></p>{verdict}<table>{rows}</table>")


def _page(title: str, content: str) -> web.Response:
    head = f"<meta charset=utf-8><meta http-equiv=refresh content=2><title>{escape(title)}</title><style>{STYLE}</style>"
    text = f"<!doctype html><html lang=en>{head}<h1>{escape(title)}</h1>{content}</html>"
    return web.Response(text=text, content_type="text/html", headers={"content-security-policy": POLICY})


def _session_row(shown: dict[str, Any]) -> str:
    work = shown["work"]["state"] if shown["work"] else "stopped"
    cells = (escape(shown["title"] or ""), escape(shown["status"]), escape(work), _verdict(shown))
    return f"<tr><td><a href='/sessions/{escape(shown['id'])}'>{escape(shown['id'])}</a><td>{'<td>'.join(cells)}</tr>"


def _queue_row(name: str, stats: dict[str, Any]) -> str:
    return f"<tr><td>{escape(name)}<td>{stats['depth']}<td>{stats['pending']}<td>{stats['workers_polling']}</tr>"


def _event_row(event: dict[str, Any]) -> str:
    words = content_text(event)
    if event["type"] in ("agent.tool_use", "agent.custom_tool_use"):
        words = f"{event['name']} {json.dumps(event['input'], indent=1)}"
    elif "stop_reason" in event:
        words = event["stop_reason"]["type"]
    elif event["type"] == "user.tool_confirmation":
        words = event["result"]
    flag = " (error)" if event.get("is_error") else ""
    return f"<tr><td>{escape(event['processed_at'][11:23])}<td>{escape(event['type'])}{flag}<td><pre>{escape(words)}</pre></tr>"


def _verdict(shown: dict[str, Any]) -> str:
    verdict = shown["verdict"] or "none"
    return f"<span class={escape(verdict)}>{escape(verdict)}</span>"
