"""A sandbox that asks too much: it is slowed, its journal stays small, no other session notices, and nothing goes uncounted."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import aiohttp
import pytest
from gateway_lab import OTHER_SOURCE, GatewayLab, ToldPlane, stream, tool_result

from domicile_host.gateway import session as session_module


async def test_flood_of_refusals(lab: GatewayLab, plane: ToldPlane) -> None:
    """30 a minute have a record of their own, the rest one sum."""
    binding = await lab.bind()
    for _ in range(100):
        assert (await lab.ask(binding, "GET", "/v1/agents")).rule == "documented-calls"
    for _ in range(5):
        await lab.post(binding, {"type": "user.interrupt"})
    await lab.gateway.register.record_sums()
    assert len(lab.records("gateway.refusal")) == 30
    [summed] = lab.records("gateway.refusals")
    assert (summed.detail["refusals"], summed.detail["by_rule"]) == (75, {"documented-calls": 70, "results-only": 5})
    assert (await lab.statuses())[0]["refusals"] == 105


async def test_flood_of_refusals_is_recorded_at_the_end_of_its_binding(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    for _ in range(40):
        await lab.ask(binding, "GET", "/v1/agents")
    await lab.unbind()
    assert [event.detail["refusals"] for event in lab.records("gateway.refusals")] == [10]


async def test_a_sum_that_cant_be_written_is_kept(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    for _ in range(40):
        await lab.ask(binding, "GET", "/v1/agents")
    lab.recorder.broken = True
    await lab.gateway.register.record_sums()
    lab.recorder.broken = False
    await lab.gateway.register.record_sums()
    assert [event.detail["refusals"] for event in lab.records("gateway.refusals")] == [10]


async def test_flood_of_unknown_calls_doesnt_reach_the_control_plane(lab: GatewayLab, plane: ToldPlane) -> None:
    """Each unknown call costs a read of the history, for the first 30 in a minute only; an open call's result still passes."""
    binding = await lab.bind()
    call = plane.call()
    for number in range(60):
        assert (await lab.post(binding, tool_result(f"sevt_{number}"))).rule == "unknown-call"
    assert len(plane.arrivals) <= 31
    assert (await lab.post(binding, tool_result(call))).status == 200


async def test_flood_of_requests_of_one_session_leaves_the_others_alone(
    lab: GatewayLab, plane: ToldPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "BURST", 20)
    plane.session("sesn_other")
    binding = await lab.bind()
    other = await lab.bind(OTHER_SOURCE, session_id="sesn_other", work_id="work_other")
    answers = await asyncio.gather(*(lab.ask(binding, "GET", "/v1/sessions/sesn_own") for _ in range(60)))
    assert {answer.status for answer in answers} == {200, 429}
    assert [answer.status for answer in answers].count(200) < 40
    assert (await lab.ask(other, "GET", "/v1/sessions/sesn_other")).status == 200


async def test_flood_of_large_bodies(lab: GatewayLab, plane: ToldPlane) -> None:
    """Three of the largest pass at once; then the session waits, and a worker that sends again is served later."""
    binding = await lab.bind()
    call, large = plane.call(), b" " * (27 << 20)
    answers = [await lab.ask(binding, "POST", "/v1/sessions/sesn_own/events", data=large) for _ in range(4)]
    assert answers[-1].rule == "body-rate"
    assert "x-should-retry" not in answers[-1].headers
    assert (await lab.post(binding, tool_result(call))).status == 200


async def test_too_many_streams(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    async with AsyncExitStack() as streams:
        for _ in range(session_module.STREAMS):
            await streams.enter_async_context(stream(lab, plane, binding))
        answer = await lab.ask(binding, "GET", "/v1/sessions/sesn_own/events/stream")
        assert (answer.status, answer.rule) == (429, "streams-at-once")
        assert (await lab.statuses())[0]["streams"] == session_module.STREAMS


async def test_too_many_requests_at_once(lab: GatewayLab, plane: ToldPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "WAITING", 0)
    binding = await lab.bind()
    call, go_on = plane.call(), asyncio.Event()

    async def answer(_: object) -> None:
        await go_on.wait()

    plane.post_answer = answer
    posts = [asyncio.create_task(lab.post(binding, tool_result(call, str(number)))) for number in range(session_module.ACTIVE + 8)]
    done, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
    refused = [task.result().rule for task in done]
    go_on.set()
    answers = await asyncio.gather(*posts)
    assert "requests-at-once" in refused
    assert [answer.status for answer in answers].count(429) == 8


async def test_a_reader_that_doesnt_read_doesnt_fill_the_gateway(
    lab: GatewayLab, plane: ToldPlane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its stream is cut; what is permitted is decided from the history all the same."""
    from domicile_host.gateway import session_calls

    monkeypatch.setattr(session_calls, "WRITE_SECONDS", 0.2)
    binding = await lab.bind()
    reader, writer = await asyncio.open_unix_connection(str(lab.settings.places.gateway_sandbox), limit=1024)
    writer.write(
        f"GET /v1/sessions/sesn_own/events/stream HTTP/1.1\r\nhost: x\r\nx-domicile-source: {binding.source}\r\n"
        f"authorization: Bearer {binding.capability.get_secret_value()}\r\n\r\n".encode()
    )
    assert b"200" in await reader.readline()
    for _ in range(20):
        plane.say({"type": "agent.message", "content": "x" * (1 << 20)})
    for _ in range(100):
        if not (await lab.statuses())[0]["streams"]:
            break
        await asyncio.sleep(0.05)  # the gateway's own deadline runs; nothing else tells of its end
    assert (await lab.statuses())[0]["streams"] == 0
    writer.close()
    assert (await lab.post(binding, tool_result(plane.call()))).status == 200


async def test_large_headers(lab: GatewayLab, plane: ToldPlane) -> None:
    """Refused by the parser, before they are stored."""
    binding = await lab.bind()
    for headers in ({"x-a": "b" * 10_000}, {f"x-{number}": "b" for number in range(200)}):
        try:
            answer = await lab.ask(binding, "GET", "/v1/sessions/sesn_own", headers=headers)
            assert answer.status in (400, 431)
        except aiohttp.ClientError:
            pass  # the connection was closed before the whole head was read


async def test_heartbeats_tell_the_dispatcher_once_a_second_at_most(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    target = f"/v1/environments/{binding.environment_id}/work/{binding.work_id}/heartbeat"
    async with lab.events() as events:
        for _ in range(20):
            assert (await lab.ask(binding, "POST", target)).status == 200
        await lab.ask(binding, "POST", target.replace("heartbeat", "stop"))
        heard = []
        while (event := (await anext(events)).event) != "worker-stopped":
            heard.append(event)
    assert 1 <= len(heard) <= 3
