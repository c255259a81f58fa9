"""The admin API and its page, on a Unix socket and on loopback."""

from __future__ import annotations

from contextlib import asynccontextmanager

import aiohttp
import pytest

from domicile_control_plane import admin


@asynccontextmanager
async def console(plane, tmp_path):
    """A client of the admin API on its Unix socket."""
    path = tmp_path / "run" / "admin.sock"
    connector = aiohttp.UnixConnector(str(path))
    async with admin.serve(plane, socket_path=path), aiohttp.ClientSession("http://control-plane", connector=connector) as client:
        yield client


async def ask(client, method, path, body=None):
    async with client.request(method, path, json=body) as answer:
        return answer.status, await answer.json() if answer.content_type == "application/json" else await answer.text()


async def test_an_environment_gets_a_key_that_is_shown_once_and_can_be_revoked(api, tmp_path):
    async with console(api.plane, tmp_path) as client:
        _, made = await ask(client, "POST", "/admin/environments", {"name": "local", "id": "env_local"})
        assert await ask(client, "POST", "/admin/environments", {"name": "other", "id": "env_local"}) == (200, made)
        _, key = await ask(client, "POST", "/admin/environment-keys", {"environment_id": "env_local"})
        assert (await api.call("GET", "/v1/environments/env_local/work/poll", key["key"]))[0] == 200
        assert key["key"] not in str(await ask(client, "GET", "/admin/environments"))
        assert (await ask(client, "DELETE", "/admin/environment-keys/env_local"))[0] == 204
        assert (await api.call("GET", "/v1/environments/env_local/work/poll", key["key"]))[0] == 401
        assert (await ask(client, "POST", "/admin/environment-keys", {"environment_id": "env_none"}))[0] == 404


async def test_a_scenario_is_started_watched_and_its_transcript_read(api, tmp_path):
    text = "name: short\nturns: [{say: hello}]\n"
    async with console(api.plane, tmp_path) as client:
        assert "demonstration" in (await ask(client, "GET", "/admin/scenarios"))[1]["data"]
        order = {"environment_id": api.environment_id, "scenario": text}
        _, started = await ask(client, "POST", "/admin/scenarios", order)
        _, shown = await ask(client, "GET", f"/admin/sessions/{started['session_id']}?wait_seconds=5")
        assert (shown["verdict"], shown["scenario"], shown["work"]["state"]) == ("passed", "short", "queued")
        assert [event["type"] for event in shown["transcript"]][-1] == "session.status_idle"
        _, queue = await ask(client, "GET", "/admin/queue")
        assert queue["data"][0]["stats"]["depth"] == 1
        status, error = await ask(client, "POST", "/admin/scenarios", {**order, "scenario": "name: x\nturns: []\n"})
        assert (status, "turns" in error["error"]["message"]) == (400, True)


async def test_a_session_can_be_played_by_hand(api, tmp_path):
    session_id = api.session()
    async with console(api.plane, tmp_path) as client:
        _, call = await ask(client, "POST", f"/admin/sessions/{session_id}/emit", {"type": "agent.tool_use", "name": "bash", "input": {}})
        said = {"events": [{"type": "user.tool_result", "tool_use_id": call["id"], "content": []}]}
        assert (await ask(client, "POST", f"/admin/sessions/{session_id}/user-events", said))[0] == 200
        assert api.plane.sessions.call_state(call["id"]) == "answered"


async def test_the_page_shows_what_agents_wrote_as_text_only(api, tmp_path):
    session_id = api.session(title="<script>alert(1)</script>")
    api.plane.sessions.emit(session_id, "agent.message", content=[{"type": "text", "text": "<img src=x onerror=alert(1)>"}])
    async with console(api.plane, tmp_path) as client:
        for path in ("/", f"/sessions/{session_id}"):
            async with client.get(path) as answer:
                text = await answer.text()
                assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "&lt;" in text
            assert "<script" not in text
            assert "<img" not in text


async def test_faults_are_ordered_and_used_up(api, tmp_path):
    async with console(api.plane, tmp_path) as client:
        fault = {"route": "work.poll", "action": "answer", "status": 429, "times": 2, "retry_after_seconds": 3}
        assert (await ask(client, "POST", "/admin/faults", fault))[0] == 204
        for _ in range(2):
            status, error = await api.call("GET", f"{api.work}/poll")
            assert (status, error["error"]["type"], api.headers["retry-after"]) == (429, "rate_limit_error", "3")
        assert (await api.call("GET", f"{api.work}/poll"))[0] == 200
        await ask(client, "POST", "/admin/faults", {"route": "work\\..*", "action": "cut"})
        with pytest.raises(aiohttp.ClientError):
            await api.call("POST", f"{api.work}/work_none/ack")
        await ask(client, "POST", "/admin/faults", {"route": "work.ack", "action": "cut_after"})
        api.session()
        item = await api.claim()
        with pytest.raises(aiohttp.ClientError):
            await api.call("POST", f"{api.work}/{item['id']}/ack")
        assert api.plane.queue.get(api.environment_id, item["id"]).state == "starting"
        await ask(client, "POST", "/admin/faults/expire-lease", {"work_id": item["id"]})
        assert api.plane.queue.get(api.environment_id, item["id"]).state == "queued"


async def test_a_loopback_port_refuses_what_a_web_page_could_send(api):
    async with admin.serve(api.plane, port=0) as url:
        for headers, status in (({}, 200), ({"host": "evil.example"}, 403), ({"origin": "https://evil.example"}, 403)):
            async with api.client.get(f"{url}/admin/sessions", headers=headers) as answer:
                assert answer.status == status, headers
