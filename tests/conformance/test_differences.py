"""Where the official workers differ among themselves, in one table; what the stand-in does is the same for all of them.

Measured with Python 2.11.0, Go 2.12.0 and TypeScript 1.11.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest

# What becomes of a running command: it runs to its end, is cancelled with an error result, or is given up without a result.
Fate = Literal["runs to its end", "cancelled", "given up"]


@dataclass(frozen=True)
class Worker:
    """How one official worker behaves."""

    lease_lost: Fate
    asked_to_stop: Fate
    terminated: Fate
    names_exit_code: bool
    shell_survives_exit: bool


WORKERS = {
    "python": Worker("runs to its end", "runs to its end", "runs to its end", names_exit_code=False, shell_survives_exit=False),
    "go": Worker("cancelled", "cancelled", "cancelled", names_exit_code=True, shell_survives_exit=True),
    "typescript": Worker("given up", "given up", "given up", names_exit_code=False, shell_survives_exit=True),
}
RESULTS: dict[Fate, list[bool]] = {"runs to its end": [False], "cancelled": [True], "given up": []}


@pytest.fixture
def lease_seconds():
    return 4


def bash(command, **more):
    return {"tool": "bash", "input": {"command": command}, **more}


def long_command(started, hold):
    return bash(f"echo x > {started.path}; read line < {hold.path}; echo finished")


def live(bench, session_id):
    return bench.plane.queue.live_item(session_id)


async def test_a_lost_lease_is_met_with_412_and_no_stop_and_the_item_is_served_again(bench):
    fate = WORKERS[bench.name].lease_lost
    started, hold = bench.gate("started"), bench.gate("hold")
    session_id = bench.start({"calls": [long_command(started, hold)]}, {"calls": [bash("echo more")]})
    async with bench.worker():
        await started.passed()
        bench.plane.queue.expire_lease(live(bench, session_id).id)
        await bench.heard("/heartbeat", 1, status=412)
        if fate == "given up":
            await started.passed()
        if fate != "cancelled":
            hold.open()
        await bench.served(session_id)
    assert (bench.count("POST", "/ack"), bench.count("POST", "/stop")) == (2, 1)
    (text, is_error), _ = bench.results(session_id)
    assert (is_error, "finished" in text) == (fate == "cancelled", fate != "cancelled")


async def test_a_stop_asked_for_reaches_the_worker_with_its_next_heartbeat(bench):
    fate = WORKERS[bench.name].asked_to_stop
    started, hold = bench.gate("started"), bench.gate("hold")
    session_id = bench.start({"calls": [long_command(started, hold)]})
    async with bench.worker():
        await started.passed()
        beats = bench.count("POST", "/heartbeat")
        bench.plane.queue.stop(bench.environment_id, live(bench, session_id).id, force=False)
        await bench.heard("/heartbeat", beats + 1)
        if fate == "runs to its end":
            hold.open()
        await bench.plane.until(lambda: live(bench, session_id) is None)
    assert [is_error for _, is_error in bench.results(session_id)] == RESULTS[fate]
    assert bench.count("POST", "/stop", 204) == 1


async def test_a_worker_told_to_terminate_stops_its_item(bench):
    fate = WORKERS[bench.name].terminated
    started, hold = bench.gate("started"), bench.gate("hold")
    session_id = bench.start({"calls": [long_command(started, hold)]})
    async with bench.worker() as process:
        await started.passed()
        process.terminate()
        if fate == "runs to its end":
            hold.open()
        await bench.plane.until(lambda: live(bench, session_id) is None)
    assert [is_error for _, is_error in bench.results(session_id)] == RESULTS[fate]
    assert bench.count("POST", "/stop", 204) == 1


async def test_a_failed_command_gives_its_output_and_an_empty_one_a_word(bench):
    session_id = bench.start({"calls": [bash("echo out; (exit 3)")]}, {"calls": [bash("true", expect={"exact": "(no output)"})]})
    async with bench.worker():
        await bench.served(session_id)
    text, is_error = bench.results(session_id)[0]
    assert (is_error, text.startswith("out"), "exit code: 3" in text) == (True, True, WORKERS[bench.name].names_exit_code)


async def test_a_shell_that_was_left_can_be_had_again(bench):
    survives = WORKERS[bench.name].shell_survives_exit
    session_id = bench.start(
        {"calls": [bash("exit 4", expect={"is_error": True})]},
        {"calls": [bash("echo again", expect={"is_error": not survives})]},
        {"calls": [{"tool": "bash", "input": {"restart": True}}]},
        {"calls": [bash("echo fresh", expect={"is_error": False, "contains": "fresh"})]},
    )
    async with bench.worker():
        await bench.served(session_id)
