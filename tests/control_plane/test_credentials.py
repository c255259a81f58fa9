"""Which credential opens what, over plain HTTP."""

from __future__ import annotations

import pytest


async def acked(api, session_id=None):
    session_id = session_id or api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    return session_id, item


async def test_an_unknown_credential_is_401_in_anthropics_form(api):
    status, body = await api.call("GET", f"{api.work}/poll", "sk-ant-oat01-nobody")
    assert (status, body["type"], body["error"]["type"]) == (401, "error", "authentication_error")
    assert body["request_id"] == api.headers["request-id"]
    assert (await api.call("GET", f"{api.work}/poll", ""))[0] == 401


async def test_each_work_endpoint_accepts_its_own_credentials_only(api, token_of):
    _, item = await acked(api)
    token, path = token_of(item), f"{api.work}/{item['id']}"
    # Environment key, item token, API key. The first stop is graceful, so those that follow find the item stopping.
    expected = {
        ("GET", f"{api.work}/poll"): (200, 403, 403),
        ("GET", api.work): (200, 403, 403),
        ("GET", f"{api.work}/stats"): (200, 403, 200),
        ("GET", path): (403, 403, 200),
        ("POST", path): (403, 403, 200),
        ("POST", f"{path}/ack"): (200, 403, 403),
        ("POST", f"{path}/heartbeat"): (200, 200, 403),
        ("POST", f"{path}/stop"): (204, 204, 204),
    }
    seen = {}
    for method, where in expected:
        body = {"metadata": {}} if (method, where) == ("POST", path) else None
        seen[method, where] = tuple([(await api.call(method, where, who, body))[0] for who in (api.key, token, api.api_key)])
    assert seen == expected


async def test_an_environment_key_opens_its_own_environment_only(api):
    other, other_key = api.plane.new_environment("other")
    session_id = api.session()
    assert (await api.call("GET", f"/v1/environments/{other}/work/poll"))[0] == 403
    assert (await api.call("GET", f"/v1/sessions/{session_id}", other_key))[0] == 403
    assert (await api.call("GET", f"/v1/sessions/{session_id}"))[0] == 200


async def test_an_item_token_opens_its_own_item_and_session_only(api, token_of):
    mine, item = await acked(api)
    other, other_item = await acked(api)
    token = token_of(item)
    assert (await api.call("GET", f"/v1/sessions/{mine}", token))[0] == 200
    for method, path in (
        ("GET", f"/v1/sessions/{other}"),
        ("GET", f"/v1/sessions/{other}/events"),
        ("GET", f"/v1/sessions/{other}/events/stream"),
        ("POST", f"/v1/sessions/{other}/events"),
        ("POST", f"{api.work}/{other_item['id']}/heartbeat"),
        ("POST", f"{api.work}/{other_item['id']}/stop"),
    ):
        assert (await api.call(method, path, token))[0] == 403, path


async def test_memory_stores_refuse_the_environment_key_and_other_sessions_tokens(api, token_of):
    from domicile_control_plane.shapes import MemoryStoreCreate

    store = api.plane.memory.create(MemoryStoreCreate(name="Notes"))
    _, item = await acked(api, api.session(attached=[api.plane.memory.attachment(store, "read_only", None)]))
    _, stranger = await acked(api)
    path = f"/v1/memory_stores/{store}/memories"
    assert (await api.call("GET", path))[0] == 403
    assert (await api.call("GET", path, token_of(stranger)))[0] == 403
    assert (await api.call("GET", path, token_of(item), headers={"anthropic-beta": "agent-memory-2026-07-22"}))[0] == 200
    assert (await api.call("POST", path, token_of(item), {"path": "/a", "content": "x"}))[0] == 403
    assert (await api.call("POST", path, api.api_key, {"path": "/a", "content": "x"}))[0] == 200


async def test_skills_open_to_credentials_whose_sessions_have_them(api, token_of):
    skill = api.plane.skills.create("house-rules", "Rules.", {"a.txt": "a"})
    path = f"/v1/skills/{skill}/versions/latest"
    _, plain = await acked(api)
    assert (await api.call("GET", path))[0] == 403
    _, skilled = await acked(api, api.session(agent={"skills": [{"skill_id": skill}]}))
    credentials = (token_of(plain), token_of(skilled), api.key, api.api_key)
    assert [(await api.call("GET", path, credential))[0] for credential in credentials] == [403, 200, 200, 200]


async def test_a_new_key_ends_the_former_and_revocation_works_with_the_next_call(api):
    new = api.plane.credentials.issue_environment_key(api.environment_id)
    assert (await api.call("GET", f"{api.work}/poll"))[0] == 401
    assert (await api.call("GET", f"{api.work}/poll", new))[0] == 200
    api.plane.credentials.revoke_environment_key(api.environment_id)
    assert (await api.call("GET", f"{api.work}/poll", new))[0] == 401


async def test_no_credential_is_kept_in_the_state_file(api, token_of, tmp_path):
    _, item = await acked(api)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("control-plane.sqlite*"))
    assert kept
    for secret in (api.key, api.api_key, token_of(item), item["secret"]):
        assert secret.encode() not in kept


@pytest.mark.parametrize("header", ["anthropic-version", "anthropic-beta"])
async def test_a_required_header_that_is_missing_is_a_400_that_names_it(api, header):
    sent = {"anthropic-version": "2026-10-21", "anthropic-beta": "managed-agents-2026-04-01", "authorization": f"Bearer {api.key}"}
    del sent[header]
    async with api.client.get(f"{api.url}{api.work}/poll", headers=sent) as answer:
        assert answer.status == 400
        assert header in (await answer.json())["error"]["message"]


async def test_an_item_token_does_not_long_outlive_its_item(api, token_of):
    session_id, item = await acked(api)
    await api.call("POST", f"{api.work}/{item['id']}/stop", body={"force": True})
    assert (await api.call("GET", f"/v1/sessions/{session_id}", token_of(item)))[0] == 200
    api.plane.store.run("UPDATE work SET stopped_at = '2026-01-01T00:00:00.000000Z'")
    assert (await api.call("GET", f"/v1/sessions/{session_id}", token_of(item)))[0] == 401
