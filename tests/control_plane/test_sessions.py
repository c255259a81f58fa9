"""Sessions, events and streams, over plain HTTP."""

from __future__ import annotations

import json

import pytest


def result(call, **more):
    return {"events": [{"type": "user.tool_result", "tool_use_id": call, "content": [{"type": "text", "text": "out"}], **more}]}


async def next_event(stream):
    """Name and data of the next event; None for a comment."""
    lines = (await stream.readuntil(b"\n\n")).decode().splitlines()
    if lines[0].startswith(":"):
        return None
    assert lines[0].startswith("event: ")
    return lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))


async def test_the_stream_names_each_event_keeps_alive_and_replays_nothing(api):
    session_id = api.session()
    api.plane.sessions.emit(session_id, "session.status_running")
    headers = {"authorization": f"Bearer {api.key}", "anthropic-version": "2026-10-21", "anthropic-beta": "managed-agents-2026-04-01"}
    async with api.client.get(f"{api.url}/v1/sessions/{session_id}/events/stream", headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert await next_event(answer.content) is None  # the comment that opens it
        assert await next_event(answer.content) is None  # a keepalive: what came before isn't replayed
        api.plane.sessions.emit(session_id, "agent.message", content=[{"type": "text", "text": "hello"}])
        found = None
        while found is None:
            found = await next_event(answer.content)
        assert (found[0], found[1]["type"], found[1]["id"][:5]) == ("agent.message", "agent.message", "sevt_")
        api.plane.sessions.cut_streams(session_id)
        assert (await answer.content.read()).decode().replace(": keepalive\n\n", "") == ""


async def test_the_history_pages_in_both_orders_and_filters_by_type(api):
    session_id = api.session()
    for number in range(5):
        api.plane.sessions.emit(session_id, "agent.message" if number % 2 else "agent.thinking", n=number)
    path, numbers, query = f"/v1/sessions/{session_id}/events", [], "?limit=2"
    while query:
        _, page = await api.call("GET", path + query)
        numbers += [event["n"] for event in page["data"]]
        query = page["next_page"] and f"?limit=2&page={page['next_page']}"
    assert numbers == [0, 1, 2, 3, 4]
    _, page = await api.call("GET", f"{path}?limit=1000&order=desc&beta=true")
    assert [event["n"] for event in page["data"]] == [4, 3, 2, 1, 0]
    _, page = await api.call("GET", f"{path}?types[]=agent.message")
    assert [event["n"] for event in page["data"]] == [1, 3]


async def test_only_an_open_call_of_this_session_takes_a_result_and_only_once(api):
    session_id, other = api.session(), api.session()
    call = api.plane.sessions.emit(session_id, "agent.tool_use", name="bash", input={}, evaluated_permission="allow")["id"]
    custom = api.plane.sessions.emit(session_id, "agent.custom_tool_use", name="lookup", input={})["id"]
    denied = api.plane.sessions.emit(session_id, "agent.tool_use", name="bash", input={}, evaluated_permission="deny")["id"]
    path = f"/v1/sessions/{session_id}/events"
    for wrong in ("sevt_unknown", custom, denied):
        assert (await api.call("POST", path, body=result(wrong)))[0] == 400
    assert (await api.call("POST", f"/v1/sessions/{other}/events", body=result(call)))[0] == 400
    status, stored = await api.call("POST", path, body=result(call, is_error=False))
    assert (status, stored["data"][0]["processed_at"] is not None) == (200, True)
    assert (await api.call("POST", path, body=result(call)))[0] == 400


async def test_a_call_that_asks_takes_a_result_only_after_allow(api):
    session_id = api.session()
    path = f"/v1/sessions/{session_id}/events"
    calls = [api.plane.sessions.emit(session_id, "agent.tool_use", name="bash", input={}, evaluated_permission="ask")["id"] for _ in "ad"]
    assert (await api.call("POST", path, body=result(calls[0])))[0] == 400
    for call, said in zip(calls, ("allow", "deny"), strict=True):
        confirm = {"events": [{"type": "user.tool_confirmation", "tool_use_id": call, "result": said}]}
        assert (await api.call("POST", path, api.api_key, confirm))[0] == 200
        assert (await api.call("POST", path, api.api_key, confirm))[0] == 400
    assert (await api.call("POST", path, body=result(calls[0])))[0] == 200
    assert (await api.call("POST", path, body=result(calls[1])))[0] == 400


async def test_a_batch_of_events_is_taken_whole_or_not_at_all(api):
    session_id = api.session()
    call = api.plane.sessions.emit(session_id, "agent.tool_use", name="bash", input={})["id"]
    path = f"/v1/sessions/{session_id}/events"
    events = result(call)["events"] + result("sevt_unknown")["events"]
    assert (await api.call("POST", path, body={"events": events}))[0] == 400
    assert (await api.call("POST", path, body=result(call)))[0] == 200


@pytest.mark.parametrize(
    "body", [{}, {"events": []}, {"events": [{"type": "agent.message"}]}, {"events": [{"type": "user.tool_result"}]}, []]
)
async def test_a_malformed_body_is_a_400(api, body):
    status, error = await api.call("POST", f"/v1/sessions/{api.session()}/events", body=body)
    assert (status, error["error"]["type"]) == (400, "invalid_request_error")


async def test_a_terminated_session_takes_no_events(api):
    session_id = api.session()
    api.plane.sessions.emit(session_id, "session.status_terminated")
    message = {"events": [{"type": "user.message", "content": [{"type": "text", "text": "hi"}]}]}
    assert (await api.call("POST", f"/v1/sessions/{session_id}/events", api.api_key, message))[0] == 400


async def test_an_environment_is_made_changed_archived_and_takes_no_new_sessions_then(api):
    _, made = await api.call("POST", "/v1/environments", api.api_key, {"name": "tokyo", "config": {"type": "self_hosted"}})
    path = f"/v1/environments/{made['id']}"
    _, changed = await api.call("POST", path, api.api_key, {"description": "d", "metadata": {"a": "1", "b": "2"}})
    _, changed = await api.call("POST", path, api.api_key, {"metadata": {"a": None}})
    assert (changed["name"], changed["description"], changed["metadata"]) == ("tokyo", "d", {"b": "2"})
    config = {"config": {"type": "cloud", "networking": {"type": "unrestricted"}}}
    assert (await api.call("POST", path, api.api_key, config))[1]["error"]["details"]["error_code"] == "invalid_config_type_change"
    session = {
        "agent": "agent_1",
        "environment_id": made["id"],
        "initial_events": [{"type": "user.message", "content": [{"type": "text", "text": "x"}]}],
    }
    assert (await api.call("POST", "/v1/sessions", api.api_key, session))[1]["environment_id"] == made["id"]
    assert (await api.call("DELETE", path, api.api_key))[0] == 400
    await api.call("POST", f"{path}/archive", api.api_key)
    assert (await api.call("POST", path, api.api_key, {"name": "x"}))[1]["error"]["details"]["error_code"] == "environment_archived"
    assert (await api.call("POST", "/v1/sessions", api.api_key, session))[0] == 400
    assert made["id"] not in [environment["id"] for environment in (await api.call("GET", "/v1/environments", api.api_key))[1]["data"]]


async def test_files_and_repositories_cannot_be_attached_to_a_self_hosted_session(api):
    body = {"agent": "agent_1", "environment_id": api.environment_id, "resources": [{"type": "file", "file_id": "file_1"}]}
    status, error = await api.call("POST", "/v1/sessions", api.api_key, body)
    assert status == 400
    assert "`resources` are not supported with self-hosted environments" in error["error"]["message"]


async def test_both_dialects_find_a_skills_newest_version(api):
    skill = api.plane.skills.create("house-rules", "Rules.", {"a.txt": "old"})
    api.plane.skills.add_version(skill, "Newer rules.", {"a.txt": "new"})
    base = f"/v1/skills/{skill}/versions"
    _, latest = await api.call("GET", f"{base}/latest", api.api_key)
    _, listed = await api.call("GET", f"{base}?beta=true", api.api_key, headers={"anthropic-beta": "skills-2025-10-02"})
    newest = listed["data"][0]
    assert newest["version"].isdigit()
    assert (latest["id"], latest["description"]) == (newest["id"], "Newer rules.")
    assert (await api.call("GET", f"{base}/{newest['version']}", api.api_key))[1]["id"] == latest["id"]


async def test_memories_are_changed_and_deleted_only_on_their_preconditions(api):
    _, store = await api.call("POST", "/v1/memory_stores", api.api_key, {"name": "Notes"})
    base = f"/v1/memory_stores/{store['id']}/memories"
    _, memory = await api.call("POST", base, api.api_key, {"path": "/a/b.md", "content": "one"})
    assert memory["content"] is None
    assert (await api.call("POST", base, api.api_key, {"path": "/a/b.md", "content": "two"}))[0] == 409
    assert (await api.call("POST", base, api.api_key, {"path": "/../b.md", "content": "two"}))[0] == 400
    wrong = {"type": "content_sha256", "content_sha256": "0" * 64}
    path = f"{base}/{memory['id']}"
    assert (await api.call("POST", path, api.api_key, {"content": "two", "precondition": wrong}))[0] == 409
    right = {**wrong, "content_sha256": memory["content_sha256"]}
    assert (await api.call("POST", path, api.api_key, {"content": "two", "precondition": right}))[0] == 200
    assert (await api.call("GET", path, api.api_key))[1]["content"] == "two"
    assert (await api.call("DELETE", f"{path}?expected_content_sha256={memory['content_sha256']}", api.api_key))[0] == 409
    assert (await api.call("DELETE", path, api.api_key))[0] == 200
    assert (await api.call("GET", path, api.api_key))[0] == 404


async def test_a_full_view_of_memories_pages_by_twenty_and_folders_group(api):
    _, store = await api.call("POST", "/v1/memory_stores", api.api_key, {"name": "Notes"})
    base = f"/v1/memory_stores/{store['id']}/memories"
    for number in range(21):
        await api.call("POST", base, api.api_key, {"path": f"/n/{number}.md", "content": "x"})
    _, page = await api.call("GET", f"{base}?limit=100&view=full", api.api_key)
    assert (len(page["data"]), page["data"][0]["content"], page["next_page"] is not None) == (20, "x", True)
    _, page = await api.call("GET", f"{base}?limit=100&depth=1", api.api_key)
    assert page["data"] == [{"type": "memory_prefix", "path": "/n/"}]
