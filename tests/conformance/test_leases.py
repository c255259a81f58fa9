"""What the official workers do when their lease is lost or their item is to stop: the same at the stand-in, different among themselves.

`LOST` and `STOPPING` are the one place that says how they differ (measured with Python 2.11.0, Go 2.12.0, TypeScript 1.11.0).
"""

from __future__ import annotations

import pytest

# What becomes of a running command: it runs to its end, it is cancelled with an error result, or it is given up without any result.
LOST = {"python": "runs to its end", "go": "cancelled", "typescript": "given up"}
STOPPING = {"python": "runs to its end", "go": "cancelled", "typescript": "given up"}


@pytest.fixture
def lease_seconds():
    return 4


def long_command(started, hold):
    return {"tool": "bash", "input": {"command": f"echo x > {started.path}; read line < {hold.path}; echo finished"}}


async def test_a_lost_lease_is_met_with_412_and_no_stop_and_the_item_is_served_again(bench):
    started, hold = bench.gate("started"), bench.gate("hold")
    session_id = bench.start({"calls": [long_command(started, hold)]}, {"calls": [{"tool": "bash", "input": {"command": "echo more"}}]})
    async with bench.worker():
        await started.passed()
        item = bench.plane.queue.live_item(session_id)
        bench.plane.queue.expire_lease(item.id)
        await _until_refused(bench, session_id)
        if LOST[bench.name] == "given up":
            await started.passed()
        if LOST[bench.name] != "cancelled":
            hold.open()
        await bench.served(session_id)
    assert (bench.count("POST", "/ack"), bench.count("POST", "/stop")) == (2, 1)
    (text, is_error), _ = bench.results(session_id)
    assert is_error == (LOST[bench.name] == "cancelled")
    assert ("finished" in text) == (LOST[bench.name] != "cancelled")


async def test_a_stop_asked_for_reaches_the_worker_with_its_next_heartbeat(bench):
    started, hold = bench.gate("started"), bench.gate("hold")
    session_id = bench.start({"calls": [long_command(started, hold)]})
    async with bench.worker():
        await started.passed()
        item = bench.plane.queue.live_item(session_id)
        beats = bench.count("POST", "/heartbeat")
        bench.plane.queue.stop(bench.environment_id, item.id, force=False)
        await bench.heard("/heartbeat", beats + 1)
        if STOPPING[bench.name] == "runs to its end":
            hold.open()
        await bench.plane.until(lambda: bench.plane.queue.live_item(session_id) is None)
    results = bench.results(session_id)
    expected = {"runs to its end": [False], "cancelled": [True], "given up": []}
    assert [is_error for _, is_error in results] == expected[STOPPING[bench.name]]
    assert bench.count("POST", "/stop", 204) == 1


async def _until_refused(bench, session_id):
    await bench.heard("/heartbeat", 1, status=412)
    if LOST[bench.name] == "cancelled":
        await bench.plane.until(lambda: len(bench.results(session_id)) > 0)
