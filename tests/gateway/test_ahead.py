"""What the gateway reads ahead of a worker: given once, to the very same call, and never instead of something newer."""

from __future__ import annotations

from typing import Any

import pytest
from gateway_lab import GatewayLab, ToldPlane, stream, tool_result

from domicile_host.gateway import Binding, ahead

OWN = "/v1/sessions/sesn_own"
PAGE = f"{OWN}/events?limit=1000&order=asc"
STREAM = f"{OWN}/events/stream"
READ_AHEAD = sorted([OWN, STREAM, PAGE])
USUAL = {"anthropic-version": "2026-10-21", "anthropic-beta": "managed-agents-2026-04-01"}
"""Headers of a worker that speaks as the gateway does."""


def targets(plane: ToldPlane) -> list[str]:
    return sorted(arrival.target for arrival in plane.arrivals)


async def announced(lab: GatewayLab, plane: ToldPlane) -> Binding:
    """A binding of which all has been read ahead, and that isn't in force."""
    binding = lab.binding()
    await lab.announce(binding)
    await plane.until(lambda: targets(plane) == READ_AHEAD)
    return binding


async def page(lab: GatewayLab, binding: Binding, **headers: str) -> list[dict[str, Any]]:
    answer = await lab.ask(binding, "GET", PAGE, headers=USUAL | headers)
    assert answer.status == 200
    return list(answer.json["data"])


async def test_what_is_announced_is_read_and_recorded_but_not_in_force(lab: GatewayLab, plane: ToldPlane) -> None:
    call_id = plane.call()
    binding = await announced(lab, plane)
    assert {arrival.headers["authorization"] for arrival in plane.arrivals} == {f"Bearer {binding.token.get_secret_value()}"}
    lab.gateway.sandbox_side.item_wait_seconds = 0.05
    assert (await lab.ask(binding, "GET", "/domicile/v1/item")).status == 204
    assert (await lab.ask(binding, "GET", OWN)).rule == "no-binding"
    assert await lab.statuses() == []
    await lab.bind_again(binding)
    assert (await lab.ask(binding, "GET", "/domicile/v1/item")).status == 200
    assert (await lab.ask(binding, "GET", PAGE)).status == 200
    assert [record.detail["call_id"] for record in lab.records("gateway.call")] == [call_id]


async def test_what_was_announced_opens_nothing_for_another_binding(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await announced(lab, plane)
    other = await lab.bind()
    assert (await lab.ask(binding, "GET", OWN)).rule == "capability"
    assert (await lab.ask(other, "GET", OWN)).status == 200
    assert plane.arrivals[-1].headers["authorization"] == f"Bearer {other.token.get_secret_value()}"


async def test_a_workers_first_calls_are_answered_from_it_once(lab: GatewayLab, plane: ToldPlane) -> None:
    before = plane.call()
    binding = await announced(lab, plane)
    between = plane.call()
    await lab.bind_again(binding)
    assert (await lab.ask(binding, "GET", OWN, headers=USUAL)).json["id"] == "sesn_own"
    async with stream(lab, plane, binding, USUAL) as events:
        assert [event["id"] for event in await page(lab, binding)] == [before]
        assert targets(plane) == READ_AHEAD
        assert (await events.event())[1]["id"] == between
        assert (await lab.post(binding, tool_result(between))).status == 200
        assert [event["id"] for event in await page(lab, binding)][:2] == [before, between]
    assert (await lab.ask(binding, "GET", OWN, headers=USUAL)).status == 200
    assert [targets(plane).count(target) for target in (OWN, PAGE)] == [2, 2]


@pytest.mark.parametrize("spoken", [{"anthropic-version": "2023-06-01"}, {"anthropic-beta": "managed-agents-2026-11-01"}])
async def test_a_worker_that_speaks_another_version_gets_its_own_answers(lab: GatewayLab, plane: ToldPlane, spoken: dict[str, str]) -> None:
    binding = await announced(lab, plane)
    await lab.bind_again(binding)
    other = USUAL | spoken
    assert (await lab.ask(binding, "GET", OWN, headers=other)).status == 200
    async with stream(lab, plane, binding, other):
        assert (await lab.ask(binding, "GET", PAGE, headers=other)).status == 200
    assert targets(plane) == sorted(2 * READ_AHEAD)


async def test_the_page_is_given_only_beside_the_stream_that_was_opened_before_it(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await announced(lab, plane)
    await lab.bind_again(binding)
    missed = plane.call()
    async with stream(lab, plane, binding, USUAL), stream(lab, plane, binding, USUAL):
        assert [event["id"] for event in await page(lab, binding)] == [missed]


async def test_the_page_is_not_given_after_its_stream(lab: GatewayLab, plane: ToldPlane) -> None:
    binding = await announced(lab, plane)
    await lab.bind_again(binding)
    missed = plane.call()
    assert [event["id"] for event in await page(lab, binding)] == [missed]


async def test_a_denial_that_came_after_the_reading_counts(lab: GatewayLab, plane: ToldPlane) -> None:
    call_id = plane.call()
    binding = await announced(lab, plane)
    plane.confirm(call_id, "deny")
    await lab.bind_again(binding)
    assert (await lab.post(binding, tool_result(call_id))).rule == "denied"
    assert plane.posts == []


async def test_a_denial_on_the_stream_that_was_opened_ahead_counts(lab: GatewayLab, plane: ToldPlane) -> None:
    call_id = plane.call()
    binding = await announced(lab, plane)
    plane.confirm(call_id, "deny")
    await lab.bind_again(binding)
    async with stream(lab, plane, binding, USUAL) as events:
        assert [event["id"] for event in await page(lab, binding)] == [call_id]
        assert (await events.event())[0] == "user.tool_confirmation"
        assert (await lab.post(binding, tool_result(call_id))).rule == "denied"
    assert plane.posts == []


async def test_what_nobody_asks_for_is_forgotten(lab: GatewayLab, plane: ToldPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "SOON_SECONDS", 0.3)
    binding = await announced(lab, plane)
    await lab.bind_again(binding)
    session = lab.gateway.register.session(binding.source)
    assert session is not None
    assert session.ahead is not None
    await session.ahead.over()
    assert (await lab.ask(binding, "GET", OWN, headers=USUAL)).status == 200
    async with stream(lab, plane, binding, USUAL):
        assert targets(plane) == sorted([*READ_AHEAD, OWN, STREAM])


@pytest.mark.parametrize("in_force", [True, False])
async def test_withdrawing_cuts_the_stream_that_was_opened_ahead(lab: GatewayLab, plane: ToldPlane, in_force: bool) -> None:
    binding = await announced(lab, plane)
    if in_force:
        await lab.bind_again(binding)
    await lab.unbind()
    async with plane.left:
        await plane.left.wait_for(lambda: not plane.watchers["sesn_own"])


async def test_a_control_plane_that_fails_ahead_is_asked_by_the_worker(lab: GatewayLab, plane: ToldPlane) -> None:
    session = plane.sessions.pop("sesn_own")
    binding = await announced_in_vain(lab, plane)
    plane.sessions["sesn_own"] = session
    await lab.bind_again(binding)
    assert (await lab.ask(binding, "GET", OWN, headers=USUAL)).status == 200
    async with stream(lab, plane, binding, USUAL):
        assert await page(lab, binding) == []


async def announced_in_vain(lab: GatewayLab, plane: ToldPlane) -> Binding:
    binding = lab.binding()
    await lab.announce(binding)
    await plane.until(lambda: targets(plane) == [OWN, STREAM])
    return binding
