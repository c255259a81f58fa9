"""Whatever ends a session, nothing of it is left: no container, namespace, link or ledger line, and its item is stopped or handed back."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from domicile_control_plane.faults import Fault
from domicile_host.egress import PolicyUnconfirmed

if TYPE_CHECKING:
    from dispatcher_lab import Lab

pytestmark = pytest.mark.perimeter


async def ended(host: Lab, session_id: str, sandbox: str, cause: str) -> dict[str, Any]:
    """Waits for the end and looks that it is one; gives its record."""
    await host.gone(session_id)
    host.assert_nothing_left(of=sandbox)
    (record,) = [event for event in host.journal("session.ended") if event["sandbox_id"] == sandbox]
    assert record["reason"] == cause
    assert not host.proxy.admitted
    return record


async def started(host: Lab) -> tuple[str, str]:
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    return session_id, (await host.live(session_id))["sandbox_id"]


async def test_a_killed_sandbox_ends_its_session(host: Lab) -> None:
    session_id, sandbox = await started(host)
    os.kill(host.process_of(sandbox), signal.SIGKILL)
    await host.stopped(session_id)
    await ended(host, session_id, sandbox, "sandbox-gone")


async def test_a_silent_worker_ends_its_session(host: Lab) -> None:
    host.bounds = replace(host.bounds, worker_silence_seconds=1.0)
    session_id, sandbox = await started(host)
    await host.stopped(session_id)
    await ended(host, session_id, sandbox, "worker-silent")


async def test_a_heard_worker_keeps_its_session(host: Lab) -> None:
    host.bounds = replace(host.bounds, worker_silence_seconds=3.0)
    session_id, _ = await started(host)
    worker = await host.worker(session_id)
    await worker.heartbeat()
    status = await host.until(lambda s: any((each["worker_heartbeat_age"] or 9) < 1 for each in s["sandboxes"]))
    assert status["sandboxes"]


async def test_a_session_over_its_time_is_ended(host: Lab) -> None:
    host.change(limits=host.settings.sandboxes.limits.model_copy(update={"session_seconds": 1}))
    session_id, sandbox = await started(host)
    await host.stopped(session_id)
    await ended(host, session_id, sandbox, "time-limit")


async def test_an_item_asked_to_stop_lets_its_worker_finish(host: Lab) -> None:
    session_id, sandbox = await started(host)
    worker = await host.worker(session_id)
    host.plane.queue.stop(host.settings.environment_id, host.work(session_id).id, force=False)
    await host.until(lambda _: host.gateway.register.statuses()[0].state == "stopping")
    assert await worker.heartbeat() == "stopping"
    await worker.stop()
    await host.stopped(session_id)
    assert (await ended(host, session_id, sandbox, "stopped"))["outcome"] == "success"


async def test_a_worker_that_ignores_stopping_is_ended_after_the_grace(host: Lab) -> None:
    session_id, sandbox = await started(host)
    host.plane.queue.stop(host.settings.environment_id, host.work(session_id).id, force=False)
    await host.stopped(session_id)
    await ended(host, session_id, sandbox, "stopped")


async def test_a_forced_stop_at_the_control_plane_ends_the_sandbox(host: Lab) -> None:
    session_id, sandbox = await started(host)
    host.plane.queue.stop(host.settings.environment_id, host.work(session_id).id, force=True)
    await ended(host, session_id, sandbox, "stopped")


async def test_a_lost_lease_ends_the_sandbox_and_stops_nothing(host: Lab) -> None:
    host.change(capacity=1)
    session_id, sandbox = await started(host)
    taken = host.settings.environment_id
    work_id = host.work(session_id).id
    host.plane.queue.expire_lease(work_id)
    item = await host.plane.queue.poll(taken, "another", None, 0)
    assert item is not None
    host.plane.queue.ack(taken, work_id)
    host.plane.queue.heartbeat(taken, work_id, "NO_HEARTBEAT", None, True)
    record = await ended(host, session_id, sandbox, "lease-lost")
    assert record["detail"]["stopped"] is False
    assert host.work(session_id).state == "active"


async def test_a_lease_without_answers_is_given_up_by_its_end(host: Lab) -> None:
    host.plane.queue._ttl_seconds = 2
    session_id, sandbox = await started(host)
    host.plane.faults.order(Fault(route=r"work\.(heartbeat|poll)", action="cut", times=1000))
    record = await ended(host, session_id, sandbox, "lease-assumed-lost")
    assert record["detail"]["stopped"] is False
    assert host.work(session_id).state == "queued"


async def test_a_heartbeat_whose_answer_is_lost_costs_nothing(host: Lab) -> None:
    session_id, sandbox = await started(host)
    host.plane.faults.order(Fault(route=r"work\.heartbeat", action="cut_after", times=1))
    await host.until(lambda _: not host.plane.faults.waiting())
    beat = host.work(session_id).latest_heartbeat_at
    await host.until(lambda _: host.work(session_id).latest_heartbeat_at != beat)
    worker = await host.worker(session_id)
    await worker.stop()
    await host.stopped(session_id)
    await ended(host, session_id, sandbox, "worker-stopped")


async def test_a_session_that_cannot_be_bound_is_stopped(host: Lab) -> None:
    host.bounds = replace(host.bounds, bind_seconds=0.5)

    async def refuse(source: str, session_id: str) -> None:
        raise PolicyUnconfirmed(f"{source} {session_id}")

    host.proxy.admit = refuse  # type: ignore[method-assign]
    host.put_key()
    await host.ready()
    session_id = host.enqueue()
    await host.stopped(session_id)
    await host.gone(session_id)
    (record,) = host.journal("session.ended")
    assert record["reason"] == "not-bound"
    host.assert_nothing_left(of=record["sandbox_id"])


async def test_a_stop_that_fails_is_posted_again(host: Lab) -> None:
    session_id, sandbox = await started(host)
    worker = await host.worker(session_id)
    host.plane.faults.order(Fault(route=r"work\.stop", action="answer", status=500, times=2))
    host.plane.faults.order(Fault(route=r"work\.stop", action="cut_after", times=1))
    await worker.stop()
    await host.stopped(session_id)
    await ended(host, session_id, sandbox, "worker-stopped")


async def test_drain_asks_workers_to_stop_and_leaves_nothing(host: Lab) -> None:
    session_id, _ = await started(host)
    await host.end(signal.SIGTERM)
    assert host.work(session_id).state == "stopped"
    host.assert_nothing_left()
    (record,) = host.journal("session.ended")
    assert record["reason"] == "drained"


async def test_a_drain_with_time_lets_a_session_finish_and_takes_nothing_on(host: Lab) -> None:
    host.settings = host.settings.model_copy(update={"sandboxes": host.settings.sandboxes.model_copy(update={"drain_seconds": 60})})
    session_id, _ = await started(host)
    worker = await host.worker(session_id)
    assert host.running is not None
    os.kill(os.getpid(), signal.SIGTERM)
    await host.until(lambda status: status["draining"])
    later = host.enqueue()
    await worker.heartbeat()
    assert (await host.live(session_id))["state"] == "live"
    await worker.stop()
    await host.running
    host.running = None
    (record,) = host.journal("session.ended")
    assert (record["session_id"], record["reason"]) == (session_id, "worker-stopped")
    assert host.work(later).state == "queued"
    host.assert_nothing_left()


async def test_drain_while_the_pool_is_being_filled_leaves_nothing(host: Lab) -> None:
    host.change(warm=4)
    host.put_key()
    await host.start()
    await host.until(lambda status: status["control_plane"]["reachable"])
    await host.end(signal.SIGTERM)
    host.assert_nothing_left()
