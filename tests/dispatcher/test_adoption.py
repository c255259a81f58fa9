"""A dispatcher that comes back goes on with what its predecessor had in hand, removes what was its, and leaves the rest alone."""

from __future__ import annotations

import os
import secrets
import signal
from typing import TYPE_CHECKING

import pytest
from dispatcher_lab import run, warm

from domicile_control_plane.faults import Fault

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


async def killed_with_a_session(host: Lab) -> tuple[str, str]:
    """A dispatcher that is killed while it serves a session; the session and its sandbox."""
    host.put_key()
    with host.apart() as dispatcher:
        session_id = host.enqueue()
        sandbox = (await host.live(session_id))["sandbox_id"]
        await host.until(lambda status: len(warm(status)) == 1)
        dispatcher.send_signal(signal.SIGKILL)
        dispatcher.wait(10)
    return session_id, sandbox


async def test_after_kill_9_the_live_session_goes_on_and_the_pool_is_new(host: Lab) -> None:
    session_id, sandbox = await killed_with_a_session(host)
    before = set(host.containers())
    beat = host.work(session_id).latest_heartbeat_at
    await host.ready()
    assert (await host.live(session_id))["sandbox_id"] == sandbox
    assert host.proxy.told[0] == "start 1"
    await host.plane.until(lambda: host.work(session_id).latest_heartbeat_at != beat)
    assert before & set(host.containers()) == {sandbox}
    worker = await host.worker(session_id)
    await worker.stop()
    await host.stopped(session_id)
    await host.gone(session_id)
    host.assert_nothing_left(of=sandbox)


@pytest.mark.parametrize("step", ["ack", "heartbeat", "stop"])
async def test_a_dispatcher_killed_in_any_step_leaves_no_item_unserved(host: Lab, step: str) -> None:
    host.put_key()
    host.plane.faults.order(Fault(route=rf"work\.{step}", action="delay", seconds=20))
    with host.apart() as dispatcher:
        session_id = host.enqueue()
        if step == "stop":
            await (await host.worker(session_id)).stop()
        await host.until(lambda _: not host.plane.faults.waiting())
        dispatcher.send_signal(signal.SIGKILL)
        dispatcher.wait(10)
    await host.ready()
    if step != "stop":
        await (await host.worker(session_id)).stop()
    await host.stopped(session_id)
    await host.gone(session_id)
    (sandbox,) = {event["sandbox_id"] for event in host.journal("session.")}
    host.assert_nothing_left(of=sandbox)


async def test_a_sandbox_that_died_meanwhile_ends_its_session(host: Lab) -> None:
    session_id, sandbox = await killed_with_a_session(host)
    os.kill(host.process_of(sandbox), signal.SIGKILL)
    await host.ready()
    await host.stopped(session_id)
    await host.gone(session_id)
    host.assert_nothing_left(of=sandbox)


async def test_a_gateway_that_lost_its_memory_is_told_of_adopted_sessions(host: Lab) -> None:
    session_id, _ = await killed_with_a_session(host)
    for status in host.gateway.register.statuses():
        await host.gateway.register.unbind(status.source)
    await host.ready()
    await host.live(session_id)
    await (await host.worker(session_id)).stop()
    await host.stopped(session_id)


async def test_a_gateway_that_restarts_is_told_of_live_sessions(host: Lab) -> None:
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    await host.live(session_id)
    await host.gateway.stop()
    await host.until(lambda status: not status["gateway"]["connected"])
    await host.gateway.start()
    await host.until(lambda status: status["gateway"]["connected"])
    assert [str(each.session_id) for each in host.gateway.register.statuses()] == [session_id]


async def test_handing_over_leaves_sessions_to_the_next_dispatcher(host: Lab) -> None:
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    sandbox = (await host.live(session_id))["sandbox_id"]
    await host.end(signal.SIGHUP)
    assert sandbox in host.containers()
    assert host.work(session_id).state == "active"
    await host.ready()
    assert (await host.live(session_id))["sandbox_id"] == sandbox


async def test_what_is_not_provably_ours_is_left_alone_and_reported(host: Lab) -> None:
    foreign, stray = secrets.token_hex(4), secrets.token_hex(4)
    namespace = f"domicile-{host.stack}-{foreign}"
    run("ip", "netns", "add", namespace)
    names = {
        host_name: f"domicile-{host.stack}-sandbox-{sandbox}" for host_name, sandbox in (("other-host", foreign), ("test-host", stray))
    }
    for sandbox, (host_name, name) in zip((foreign, stray), names.items(), strict=True):
        labels = {"domicile.stack": host.stack, "domicile.host": host_name, "domicile.sandbox": sandbox}
        flags = [part for key, value in labels.items() for part in ("--label", f"{key}={value}")]
        image = host.settings.sandboxes.image
        run("podman", "create", "--name", name, "--network", "none", *flags, f"{image.reference}@{image.digest}")
    host.put_key()
    await host.ready()
    status = await host.status()
    assert sorted(status["unowned"]) == sorted([namespace, names["other-host"]])
    assert names["other-host"] in host.containers()
    assert names["test-host"] not in host.containers()
    assert namespace in host.namespaces()
