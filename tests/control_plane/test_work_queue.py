"""The work queue's rules, over plain HTTP."""

from __future__ import annotations

import asyncio


async def test_an_empty_queue_is_a_json_null_after_block_ms(api):
    status, item = await api.call("GET", f"{api.work}/poll?block_ms=50&beta=true")
    assert (status, item, api.headers["content-type"].split(";")[0]) == (200, None, "application/json")
    assert api.headers["request-id"].startswith("req_")


async def test_a_waiting_poll_gets_an_item_as_soon_as_it_is_queued(api):
    poll = asyncio.create_task(api.claim(block_ms=999))
    await asyncio.sleep(0)
    session_id = api.session()
    assert (await poll)["data"] == {"type": "session", "id": session_id}


async def test_block_ms_must_be_1_to_999(api):
    for value in (0, 1000, "soon"):
        status, error = await api.call("GET", f"{api.work}/poll?block_ms={value}")
        assert (status, error["error"]["type"]) == (400, "invalid_request_error")


async def test_a_claimed_item_is_offered_to_nobody_else_until_it_is_reclaimed(api):
    api.session()
    first = await api.claim()
    assert await api.claim() is None
    assert await api.claim(reclaim_older_than_ms=60000) is None
    again = await api.claim(reclaim_older_than_ms=0)
    assert again["id"] == first["id"]
    assert again["secret"] != first["secret"]


async def test_a_waiting_poll_reclaims_when_the_time_has_come(api):
    api.session()
    first = await api.claim()
    assert (await api.claim(block_ms=900, reclaim_older_than_ms=300))["id"] == first["id"]


async def test_an_acked_item_is_not_reclaimed(api):
    api.session()
    item = await api.claim()
    status, acked = await api.call("POST", f"{api.work}/{item['id']}/ack")
    assert (status, acked["state"], acked["secret"]) == (200, "starting", None)
    assert await api.claim(reclaim_older_than_ms=0) is None


async def test_an_ack_needs_a_claim(api):
    api.session()
    work_id = api.plane.queue.page(api.environment_id, 1, 0)[0][0].id
    assert (await api.call("POST", f"{api.work}/{work_id}/ack"))[0] == 409


async def test_a_heartbeat_echoes_the_last_one_exactly_or_gets_412_with_the_state(api, token_of):
    api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    status, beat = await api.beat(item["id"], "NO_HEARTBEAT", token_of(item))
    assert (status, beat["state"], beat["lease_extended"], beat["ttl_seconds"]) == (200, "active", True, 300)
    status, error = await api.beat(item["id"], "NO_HEARTBEAT")
    state = error["error"]["details"]["current_state"]
    assert (status, error["error"]["details"]["error_code"]) == (412, "heartbeat_precondition_failed")
    assert state == {"last_heartbeat": beat["last_heartbeat"], "lease_extended": False, "state": "active", "ttl_seconds": 300}
    assert (await api.beat(item["id"], beat["last_heartbeat"]))[0] == 200


async def test_a_heartbeat_may_ask_for_another_ttl(api):
    api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    _, beat = await api.call("POST", f"{api.work}/{item['id']}/heartbeat?desired_ttl_seconds=7")
    assert beat["ttl_seconds"] == 7


async def test_a_lapsed_lease_requeues_the_item_and_its_old_holder_meets_412_and_409(api, token_of):
    api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    _, beat = await api.beat(item["id"], "NO_HEARTBEAT", token_of(item))
    api.plane.queue.expire_lease(item["id"])
    status, error = await api.beat(item["id"], beat["last_heartbeat"], token_of(item))
    assert (status, error["error"]["details"]["current_state"]["state"]) == (412, "queued")
    again = await api.claim()
    assert again["id"] == item["id"]
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    assert (await api.beat(item["id"], "NO_HEARTBEAT", token_of(item)))[0] == 412
    assert (await api.call("POST", f"{api.work}/{item['id']}/stop", token_of(item), {"force": True}))[0] == 409
    assert (await api.beat(item["id"], "NO_HEARTBEAT", token_of(again)))[0] == 200


async def test_a_lease_lapses_by_itself_also_before_the_first_heartbeat(api):
    api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    await api.call("POST", f"{api.work}/{item['id']}/heartbeat?desired_ttl_seconds=1")
    await api.plane.until(lambda: api.plane.queue.get(api.environment_id, item["id"]).state == "queued", 5)


async def test_a_graceful_stop_shows_in_the_next_heartbeat_whatever_it_expects(api):
    api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    await api.beat(item["id"], "NO_HEARTBEAT")
    assert await api.call("POST", f"{api.work}/{item['id']}/stop", body={}) == (204, None)
    status, beat = await api.beat(item["id"], "something-else")
    assert (status, beat["state"]) == (200, "stopping")


async def test_a_forced_stop_is_at_once_and_a_second_one_is_409(api):
    api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    assert (await api.call("POST", f"{api.work}/{item['id']}/stop", body={"force": True}))[0] == 204
    assert (await api.call("POST", f"{api.work}/{item['id']}/stop"))[0] == 409
    _, beat = await api.beat(item["id"], "NO_HEARTBEAT")
    assert (beat["state"], beat["lease_extended"], beat["last_heartbeat"]) == ("stopped", False, "")


async def test_an_item_asked_to_stop_stops_when_its_lease_lapses(api):
    api.session()
    item = await api.claim()
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    await api.call("POST", f"{api.work}/{item['id']}/stop")
    api.plane.queue.expire_lease(item["id"])
    assert api.plane.queue.get(api.environment_id, item["id"]).state == "stopped"


async def test_stats_count_waiting_and_claimed_items_and_polling_workers_but_no_active_ones(api):
    for _ in range(3):
        api.session()
    for worker in ("a", "b"):
        item = (await api.call("GET", f"{api.work}/poll", headers={"anthropic-worker-id": worker}))[1]
    await api.call("POST", f"{api.work}/{item['id']}/ack")
    _, stats = await api.call("GET", f"{api.work}/stats", api.api_key)
    oldest = stats.pop("oldest_queued_at")
    assert stats == {"type": "work_queue_stats", "depth": 1, "pending": 1, "workers_polling": 2}
    assert oldest == api.plane.queue.page(api.environment_id, 1, 0)[0][0].created_at


async def test_the_list_pages_with_a_cursor(api):
    for _ in range(3):
        api.session()
    _, first = await api.call("GET", f"{api.work}?limit=2")
    _, rest = await api.call("GET", f"{api.work}?limit=2&page={first['next_page']}")
    assert (len(first["data"]), len(rest["data"]), rest["next_page"]) == (2, 1, None)
    assert all(item["secret"] is None for item in first["data"])
    assert (await api.call("GET", f"{api.work}?page=nonsense"))[0] == 400


async def test_metadata_merges_and_null_deletes(api):
    api.session()
    path = f"{api.work}/{api.plane.queue.page(api.environment_id, 1, 0)[0][0].id}"
    await api.call("POST", path, api.api_key, {"metadata": {"a": "1", "b": "2"}})
    _, item = await api.call("POST", path, api.api_key, {"metadata": {"a": None, "c": "3"}})
    assert item["metadata"] == {"b": "2", "c": "3"}


async def test_a_message_to_a_dormant_session_queues_a_new_item_and_to_a_live_one_does_not(api):
    session_id = api.session()
    message = {"events": [{"type": "user.message", "content": [{"type": "text", "text": "hi"}]}]}
    await api.call("POST", f"/v1/sessions/{session_id}/events", api.api_key, message)
    item = await api.claim()
    assert await api.claim() is None
    await api.call("POST", f"{api.work}/{item['id']}/stop", body={"force": True})
    status, sent = await api.call("POST", f"/v1/sessions/{session_id}/events", api.api_key, message)
    assert (status, sent["data"][0]["processed_at"]) == (200, None)
    again = await api.claim()
    assert again["id"] != item["id"]
    assert again["data"]["id"] == session_id
