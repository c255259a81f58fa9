"""A session's life: claimed, leased, sandboxed, bound, ended; and every cause of its end leaves nothing behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


async def test_a_session_is_claimed_leased_bound_and_stopped(host: Lab) -> None:
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    worker = await host.worker(session_id)
    assert host.work(session_id).state == "active"
    sandbox = (await host.live(session_id))["sandbox_id"]
    assert sandbox in host.containers()
    await worker.stop()
    await host.stopped(session_id)
    await host.gone(session_id)
    host.assert_nothing_left(of=sandbox)
    steps = [event["activity"] for event in host.journal("session.")]
    assert steps == ["session.claimed", "session.leased", "session.bound", "session.ended"]
