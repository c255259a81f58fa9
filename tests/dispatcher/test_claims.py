"""What is polled, acked and claimed, and when."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from dispatcher_lab import get, run, warm

from domicile_control_plane.faults import Fault

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


async def test_nothing_is_acked_before_a_sandbox_is_sure(host: Lab, tmp_path: Path) -> None:
    profile = tmp_path / "seccomp.json"
    profile.write_text("not a profile: no sandbox can start")
    good = host.settings.sandboxes.seccomp_profile.read_text()
    host.change(warm=0, seccomp_profile=profile)
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    await host.until(lambda _: host.plane.queue.stats(host.settings.environment_id).pending == 1)
    while "domicile_dispatcher_sandbox_failures_total 1.0" not in await get(host.settings.places.dispatcher_status, "/metrics"):
        await host.status()
    assert host.work(session_id).acknowledged_at is None
    profile.write_text(good)
    await host.live(session_id)
    assert host.work(session_id).acknowledged_at is not None


async def test_a_session_that_begins_does_not_share_the_machine_with_its_sandboxes_replacement(host: Lab) -> None:
    host.bounds = replace(host.bounds, refill_pause_seconds=3600)
    host.put_key()
    await host.ready()
    pooled = len(warm(await host.status()))
    session_id = host.enqueue()
    await host.live(session_id)
    assert len(warm(await host.status())) == pooled - 1
    assert len(host.journal("sandbox.created")) == pooled


async def test_no_session_is_claimed_for_a_pooled_sandbox_that_has_ended(host: Lab) -> None:
    host.change(warm=1)
    host.put_key()
    await host.ready()
    assert host.dispatcher is not None
    host.dispatcher._pool.lost = lambda name: None  # the engine's word of it comes late
    (dead,) = warm(await host.status())
    os.kill(host.process_of(dead["sandbox_id"]), signal.SIGKILL)
    run("podman", "wait", dead["sandbox_id"])
    session_id = host.enqueue()
    sandbox = (await host.live(session_id))["sandbox_id"]
    assert [event["sandbox_id"] for event in host.journal("session.claimed")] == [sandbox]
    assert sandbox != dead["sandbox_id"]


async def test_at_capacity_nothing_is_polled(host: Lab) -> None:
    host.change(capacity=1)
    host.put_key()
    await host.ready()
    first = host.enqueue()
    await host.live(first)
    before, beats = host.polls(), host.requests.count
    second = host.enqueue()
    path = f"/v1/environments/{host.settings.environment_id}/work/{host.work(first).id}/heartbeat"
    seen = beats(path)
    await host.plane.until(lambda: host.plane.queue.live_item(first) is not None)
    await host.until(lambda _: beats(path) >= seen + 2)
    assert host.polls() == before
    assert host.plane.queue.stats(host.settings.environment_id).depth == 1
    await (await host.worker(first)).stop()
    await host.live(second)


async def test_an_item_that_is_no_session_is_acked_and_stopped(host: Lab) -> None:
    host.put_key()
    await host.ready()
    host.plane.queue.enqueue(host.settings.environment_id, "check-1", kind="healthcheck")
    await host.stopped("check-1")
    (event,) = host.journal("item.dismissed")
    assert event["outcome"] == "success"


async def test_a_second_item_of_a_session_waits_for_the_first_ones_sandbox_to_go(host: Lab) -> None:
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    first = await host.live(session_id)
    host.plane.queue.enqueue(host.settings.environment_id, session_id)
    second = await host.until(
        lambda status: (
            [each for each in status["sandboxes"] if each["session_id"] == session_id and each["state"] == "live"]
            and first["sandbox_id"] not in [each["sandbox_id"] for each in status["sandboxes"]]
        )
    )
    host.assert_nothing_left(of=first["sandbox_id"])
    assert sum(each["session_id"] == session_id for each in second["sandboxes"]) == 1
    steps = [event["activity"] for event in host.journal("session.")]
    assert steps.index("session.ended") < len(steps) - 1 - steps[::-1].index("session.claimed")


async def test_a_session_whose_lease_lapsed_is_served_anew_in_another_sandbox(host: Lab) -> None:
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    first = await host.live(session_id)
    host.plane.queue.expire_lease(host.work(session_id).id)
    await host.until(
        lambda s: any(each["session_id"] == session_id and each["sandbox_id"] != first["sandbox_id"] for each in s["sandboxes"])
    )
    host.assert_nothing_left(of=first["sandbox_id"])
    await host.live(session_id)
    assert host.work(session_id).state == "active"


async def test_429_slows_the_polls_as_long_as_asked(host: Lab) -> None:
    host.plane.faults.order(Fault(route=r"work\.poll", action="answer", status=429, retry_after_seconds=1, times=2))
    host.put_key()
    await host.start()
    await host.until(lambda status: status["control_plane"]["problem"])
    await host.until(lambda status: status["control_plane"]["problem"] is None and status["control_plane"]["reachable"])
    await host.live(host.enqueue())


async def test_nothing_is_claimed_while_the_egress_proxy_is_away(host: Lab) -> None:
    host.proxy.connected = False
    host.put_key()
    await host.start()
    await host.until(lambda status: status["waiting_for"] == "the egress proxy")
    session_id = host.enqueue()
    assert host.polls() == 0
    host.proxy.connected = True
    await host.live(session_id)


async def test_envoy_confirms_before_the_gateway_gives_the_item_out(host: Lab) -> None:
    order = host.proxy.told
    bind = host.gateway.register.bind

    async def noted(binding):
        order.append("bind")
        await bind(binding)

    host.gateway.register.bind = noted
    host.put_key()
    await host.ready()
    await host.live(host.enqueue())
    assert order == ["start 0", "admit", "bind"]
