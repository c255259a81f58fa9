"""Webhooks, received by a real endpoint and verified by the official SDK."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import anthropic
import pytest
from aiohttp import web

TYPES = ["session.status_run_started", "session.status_idled"]


@asynccontextmanager
async def endpoint(*statuses):
    """An endpoint that answers with these statuses in turn; yields its URL and a queue of (body, headers)."""
    seen: asyncio.Queue = asyncio.Queue()
    answers = list(statuses)

    async def receive(request):
        seen.put_nowait((await request.text(), dict(request.headers)))
        return web.Response(status=answers.pop(0) if answers else 204, headers={"location": "/elsewhere"})

    app = web.Application()
    app.router.add_post("/hook", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook", seen
    finally:
        await runner.cleanup()


async def test_a_run_is_announced_with_a_signature_that_the_official_sdk_accepts(api):
    async with endpoint() as (url, seen):
        _, secret = api.plane.webhooks.register(url, TYPES[:1])
        session_id = api.session()
        api.plane.sessions.emit(session_id, "session.status_running")
        api.plane.sessions.emit(session_id, "session.status_idle", stop_reason={"type": "end_turn"})
        body, headers = await asyncio.wait_for(seen.get(), 10)
        client = anthropic.Anthropic(api_key="none", webhook_key=secret)
        event = client.beta.webhooks.unwrap(body, headers=headers)
        assert (event.data.type, event.data.id, event.id) == ("session.status_run_started", session_id, headers["webhook-id"])
        assert seen.empty()
        with pytest.raises(Exception, match="signature"):
            client.beta.webhooks.unwrap(body.replace(session_id, "sesn_other"), headers=headers)


async def test_a_failed_delivery_is_tried_three_times_with_the_same_id(api):
    api.plane.webhooks.backoff_seconds = (0.0, 0.01)
    async with endpoint(500, 503, 500, 204) as (url, seen):
        api.plane.webhooks.register(url, TYPES)
        api.plane.sessions.emit(api.session(), "session.status_running")
        ids = {(await asyncio.wait_for(seen.get(), 10))[1]["webhook-id"] for _ in range(3)}
        await api.plane.webhooks.settle()
        assert len(ids) == 1
        assert seen.empty()


async def test_a_redirect_disables_the_endpoint_at_once(api):
    async with endpoint(302) as (url, seen):
        api.plane.webhooks.register(url, TYPES)
        session_id = api.session()
        api.plane.sessions.emit(session_id, "session.status_running")
        await asyncio.wait_for(seen.get(), 10)
        await api.plane.webhooks.settle()
        api.plane.sessions.emit(session_id, "session.status_idle", stop_reason={"type": "end_turn"})
        await api.plane.webhooks.settle()
        assert api.plane.webhooks.all()[0]["disabled"] == "answered 302"
        assert seen.empty()
