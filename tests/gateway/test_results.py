"""Which results pass: for an open, permitted call of a tool that the sandbox owns, accepted at most once whatever fails in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from gateway_lab import GatewayLab, ToldPlane, stream, tool_result

Answer = Callable[[web.Request], Awaitable[web.StreamResponse | None]]


def answers(plane: ToldPlane, *given: int | str) -> Answer:
    """Answers to posts, in order; then as usual. A number is a status without acceptance, `lost` accepts and breaks the
    connection off, `drop` breaks it off without accepting."""
    left = list(given)

    async def answer(request: web.Request) -> web.StreamResponse | None:
        todo = left.pop(0) if left else None
        if isinstance(todo, int):
            return web.json_response({"type": "error", "error": {"type": "x", "message": "told to"}}, status=todo)
        if todo is not None:
            if todo == "lost":
                body = await request.json()
                for event in body["events"]:
                    plane.say(event)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return None

    return answer


async def test_a_result_for_an_open_allowed_call_is_forwarded_with_the_real_token(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    async with stream(lab, plane, binding) as events:
        call = plane.call()
        assert (await events.event())[1]["id"] == call
        assert (await lab.post(binding, tool_result(call))).status == 200
        assert (await events.event())[0] == "user.tool_result"
    arrival = next(arrival for arrival in plane.arrivals if arrival.method == "POST")
    assert arrival.events == [tool_result(call)]
    assert arrival.headers["authorization"] == f"Bearer {binding.token.get_secret_value()}"
    assert binding.capability.get_secret_value() not in str(plane.arrivals)


async def test_a_call_seen_on_the_live_stream_needs_no_read_of_the_history(lab: GatewayLab, plane: ToldPlane) -> None:
    """The worker's own read of the history, after it opened its stream, is enough."""
    binding = await lab.bind()
    async with stream(lab, plane, binding) as events:
        assert (await lab.ask(binding, "GET", "/v1/sessions/sesn_own/events?limit=1000")).status == 200
        call = plane.call()
        await events.event()
        assert (await lab.post(binding, tool_result(call))).status == 200
    assert [arrival.target for arrival in plane.arrivals].count("/v1/sessions/sesn_own/events?limit=1000") == 1


async def test_a_history_of_many_pages_is_read_whole(lab: GatewayLab, plane: ToldPlane) -> None:
    plane.page_size = 2
    binding = await lab.bind()
    calls = [plane.call() for _ in range(5)]
    plane.say(tool_result(calls[0]))
    assert (await lab.post(binding, tool_result(calls[4]))).status == 200
    assert (await lab.post(binding, tool_result(calls[0], "other"))).rule == "already-answered"


@pytest.mark.parametrize("permission", ["allow", None, "absent"])
async def test_a_permission_that_is_allow_or_not_given_passes(lab: GatewayLab, plane: ToldPlane, permission: str | None) -> None:
    binding = await lab.bind()
    call = plane.call(evaluated_permission=permission)
    assert (await lab.post(binding, tool_result(call))).status == 200


@pytest.mark.parametrize("tool", ["bash", "read", "write", "edit", "glob", "grep"])
async def test_every_tool_of_the_toolset_passes(lab: GatewayLab, plane: ToldPlane, tool: str) -> None:
    binding = await lab.bind()
    assert (await lab.post(binding, tool_result(plane.call(tool)))).status == 200


async def test_a_sub_agents_call_is_answered_until_its_thread_ends(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    first, second = (plane.call(session_thread_id="sthr_1") for _ in range(2))
    assert (await lab.post(binding, tool_result(first))).status == 200
    plane.say({"type": "session.thread_status_terminated", "session_thread_id": "sthr_1", "agent_name": "helper"})
    assert (await lab.post(binding, tool_result(second))).rule == "thread-ended"


async def test_a_repeated_result_is_answered_as_success_and_not_forwarded(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    call = plane.call()
    assert [(await lab.post(binding, tool_result(call))).status for _ in range(3)] == [200] * 3
    assert (await lab.post(binding, tool_result(call, "another"))).rule == "already-answered"
    assert len(plane.posts) == 1


@pytest.mark.parametrize("failure", [500, 502, 503, 504, 529, 408, 409, "drop"])
async def test_while_the_outcome_is_unknown_only_the_same_result_may_be_sent_again(
    lab: GatewayLab, plane: ToldPlane, failure: int | str
) -> None:
    plane.post_answer = answers(plane, failure)
    binding = await lab.bind()
    call = plane.call()
    assert (await lab.post(binding, tool_result(call))).status >= 400
    assert (await lab.post(binding, tool_result(call, "another"))).rule == "different-retry"
    assert (await lab.post(binding, tool_result(call))).status == 200
    assert plane.posts == [tool_result(call)] * 2


async def test_a_result_accepted_without_an_answer_isnt_sent_again(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    call = plane.call()
    plane.post_answer = answers(plane, "lost")
    assert (await lab.post(binding, tool_result(call))).status == 502
    assert (await lab.post(binding, tool_result(call))).status == 200
    assert len(plane.posts) == 1
    assert (await lab.post(binding, tool_result(call, "another"))).rule == "already-answered"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 429])
async def test_a_result_that_the_control_plane_refused_leaves_the_call_open(lab: GatewayLab, plane: ToldPlane, status: int) -> None:
    plane.post_answer = answers(plane, status)
    binding = await lab.bind()
    call = plane.call()
    assert (await lab.post(binding, tool_result(call))).status == status
    assert (await lab.post(binding, tool_result(call, "a better one"))).status == 200
    assert len(plane.posts) == 2


async def test_after_a_restart_the_history_decides(lab: GatewayLab, plane: ToldPlane) -> None:
    """An open call passes; an answered one is answered as before if the same, and refused if not."""
    binding = await lab.bind()
    opened, answered = plane.call(), plane.call()
    assert (await lab.post(binding, tool_result(answered))).status == 200
    await lab.restart()
    await lab.bind_again(binding)
    assert (await lab.post(binding, tool_result(answered))).status == 200
    assert (await lab.post(binding, tool_result(answered, "another"))).rule == "already-answered"
    assert (await lab.post(binding, tool_result(opened))).status == 200
    assert len(plane.posts) == 2


async def test_a_result_is_refused_while_the_history_cant_be_read(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    call = plane.call()
    held = plane.sessions.pop("sesn_own")
    assert (await lab.post(binding, tool_result(call))).status == 502
    plane.sessions["sesn_own"] = held
    assert (await lab.post(binding, tool_result(call))).status == 200
    assert len(plane.posts) == 1


async def test_the_largest_documented_result_passes(lab: GatewayLab, plane: ToldPlane) -> None:
    """A PDF of 20 MiB, as the toolset's read tool sends it."""
    binding = await lab.bind()
    call = plane.call("read")
    source = {"type": "base64", "media_type": "application/pdf", "data": "A" * (4 * (20 << 20) // 3 + 2 & ~3)}
    assert (await lab.post(binding, tool_result(call, content=[{"type": "document", "source": source}]))).status == 200
    assert plane.posts[0]["content"][0]["source"] == source


async def test_each_call_and_result_is_on_record_before_it_passes(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    async with stream(lab, plane, binding) as events:
        call = plane.call(input={"command": "cat secret"})
        await events.event()
        seen = lab.records("gateway.call")[0]
        assert (seen.detail["call_id"], seen.detail["tool"], seen.detail["permission"]) == (call, "bash", "allow")
        assert set(seen.detail["input"]) == {"sha256", "bytes"}
        recorded: list[int] = []

        async def answer(_: web.Request) -> None:
            recorded.append(len(lab.records("gateway.result")))

        plane.post_answer = answer
        await lab.post(binding, tool_result(call, "the secret"))
    assert recorded == [1]
    first, second = lab.records("gateway.result")
    assert (first.outcome, second.outcome, second.detail["answer"]) == ("allowed", "success", "accepted")
    assert (first.session_id, first.work_id, first.sandbox_id) == (binding.session_id, binding.work_id, binding.sandbox_id)
    assert "secret" not in str(lab.records())


async def test_nothing_passes_while_the_journal_cant_be_written(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await lab.bind()
    call = plane.call()
    async with stream(lab, plane, binding) as events:
        lab.recorder.broken = True
        assert (await lab.post(binding, tool_result(call))).status == 503
        assert (await lab.ask(binding, "GET", "/v1/sessions/sesn_own/events")).status == 503
        assert (await lab.ask(binding, "GET", "/v1/sessions")).status == 503
        plane.call()
        with pytest.raises(EOFError):
            await events.event()
    async with lab.control.get("http://gateway/healthz") as health:
        assert health.status == 503
    assert plane.posts == []
    lab.recorder.broken = False
    assert (await lab.post(binding, tool_result(call))).status == 200
    assert next(event.detail["call_id"] for event in lab.records("gateway.call")) == call


async def test_an_unbinding_in_the_middle_of_a_post_lets_nothing_more_pass(lab: GatewayLab, plane: ToldPlane) -> None:
    """The result under way ends; the one that waits behind it doesn't go out."""
    binding = await lab.bind()
    calls = [plane.call(), plane.call()]
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def answer(_: web.Request) -> None:
        arrived.set()
        await go_on.wait()

    plane.post_answer = answer
    posts = [asyncio.create_task(lab.post(binding, tool_result(calls[0])))]
    await arrived.wait()
    posts.append(asyncio.create_task(lab.post(binding, tool_result(calls[1]))))
    await lab.unbind()
    go_on.set()
    assert [answer.status for answer in await asyncio.gather(*posts)] == [200, 503]
    assert len(plane.posts) == 1
