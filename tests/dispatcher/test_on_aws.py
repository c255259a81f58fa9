"""A whole dispatcher at Claude Platform on AWS: its machine's role in place of the environment key, from claim to stop."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
from dispatcher_lab import let_in

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


async def test_a_session_is_claimed_held_and_stopped_by_the_machines_role_alone(host_on_aws: Lab) -> None:
    """No key was ever put in, and the item came without a token."""
    host = host_on_aws
    await host.ready()
    assert (await host.status())["identity"] == "role"
    session_id = host.enqueue()
    worker = await host.worker(session_id)
    assert await worker.heartbeat() == "active"
    await worker.stop()
    await host.stopped(session_id)
    await host.gone(session_id)
    assert host.plane.door is not None
    assert ("worker-host", "ProcessEnvironmentWork") in host.plane.door.passed
    assert {role for role, action in host.plane.door.passed if action == "ProcessEnvironmentWork"} == {"worker-host"}


async def test_after_kill_9_a_session_without_a_token_goes_on(host_on_aws: Lab) -> None:
    host = host_on_aws
    with host.apart() as dispatcher:
        session_id = host.enqueue()
        sandbox = (await host.live(session_id))["sandbox_id"]
        dispatcher.send_signal(signal.SIGKILL)
        dispatcher.wait(10)
    beat = host.work(session_id).latest_heartbeat_at
    await host.ready()
    assert (await host.live(session_id))["sandbox_id"] == sandbox
    await host.plane.until(lambda: host.work(session_id).latest_heartbeat_at != beat)
    await (await host.worker(session_id)).stop()
    await host.stopped(session_id)


async def test_a_session_outlives_a_denial_of_its_role_and_polls_go_on_when_it_ends(host_on_aws: Lab) -> None:
    """The status says which action IAM denies; nothing is restarted."""
    host = host_on_aws
    await host.ready()
    session_id = host.enqueue()
    sandbox = (await host.live(session_id))["sandbox_id"]
    door, signing = host.plane.door, host.settings.signing
    assert door is not None
    assert signing is not None
    door.revoke("worker-host")
    denied = await host.until(lambda status: status["key"] == "refused")
    assert "aws-external-anthropic:ProcessEnvironmentWork" in denied["waiting_for"]
    let_in(signing.role_file, door, "worker-host", "ProcessEnvironmentWork")
    await host.until(lambda status: status["key"] == "present")
    assert (await host.live(session_id))["sandbox_id"] == sandbox
    await (await host.worker(session_id)).stop()
    await host.stopped(session_id)
