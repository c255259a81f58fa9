"""How many sessions one host holds at once, what each takes of its memory, and how quickly calls are answered meanwhile.

Sessions are begun in small groups until the goal is reached or one isn't served in time; then the report says where it ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import memory
from bed import Bed, bash, scenario, seconds, until
from samples import median, p95

from domicile.machine.command import last_words

AT_ONCE = 8
"""Sessions begun and not at work yet: the ramp never asks for more than the host keeps up with."""
PATIENCE_SECONDS = 30.0
CALL_SECONDS = 0.8
"""What each call of an active session lasts: with the rest of its round, about one call a second."""


LIMIT_SECONDS = 600.0
CALLS = 20

HELD = scenario(
    "held",
    bash("echo at work", exact="at work"),
    {"calls": [{"custom": "ask-a-person", "input": {}}]},
    bash("echo still here", exact="still here"),
    limit_seconds=LIMIT_SECONDS,
)
"""A session that makes a call, waits for a client's answer to a custom tool until it is told to go on, and makes another."""

ACTIVE = scenario("active", *(bash(f"sleep {CALL_SECONDS}; echo done", exact="done") for _ in range(CALLS)), limit_seconds=LIMIT_SECONDS)
"""A session that makes one call after the other."""


@dataclass
class Held:
    """What was held."""

    goal: int
    reached: int
    ended_by: str
    """Why no more were begun: the goal, or what failed."""
    ramp_seconds: float
    before: memory.Memory
    during: memory.Memory
    passed: int
    """Sessions that made their last call after all had been held, and ended as they should."""
    crashed: list[str]
    """Services that failed meanwhile and were started anew."""
    answers_seconds: list[float]
    call_seconds: float
    """What of an answer's time the call itself lasts."""

    def as_json(self) -> dict[str, Any]:
        before, during, count = self.before, self.during, max(self.reached, 1)
        services = {name: _kib(during.services[name] - before.services[name], count) for name in during.services}
        return {
            "goal": self.goal,
            "held_at_once": self.reached,
            "ended_by": self.ended_by,
            "passed": self.passed,
            "services_restarted": self.crashed,
            "begun_per_second": round(self.reached / self.ramp_seconds, 2),
            "kib_per_session": {
                "sandbox": _kib(during.sandboxes - before.sandboxes, count),
                "conmon": _kib(during.monitors - before.monitors, count),
                **services,
                "machine": _kib(before.available - during.available, count),
            },
            "answer_median_ms": round(median(self.answers_seconds) * 1000, 1) if self.answers_seconds else None,
            "call_ms": round(self.call_seconds * 1000),
            "answer_p95_ms": round(p95(self.answers_seconds) * 1000, 1) if self.answers_seconds else None,
        }


def _kib(amount: float, count: int) -> int:
    return round(amount / 1024 / count)


def hold(bed: Bed, script: dict[str, Any], goal: int, say: Callable[[str], None], *, release: bool) -> Held:
    """Holds up to `goal` sessions of `script` at once. `release`: they wait for a custom tool's answer, given once all are held."""
    before, restarts = memory.look(bed.operator.stack), bed.restarts()
    begun, reached, ended_by, began = _ramp(bed, script, goal, say)
    ramp_seconds = time.monotonic() - began
    if release:
        begun = [session_id for session_id in begun if _waits(bed, session_id)]
        reached = min(reached, len(begun))
    during = memory.look(bed.operator.stack)
    if release:
        for session_id in begun:
            _answer(bed, session_id)
    told = [bed.told(session_id, wait_seconds=PATIENCE_SECONDS) for session_id in begun]
    passed = sum(each["verdict"] == "passed" for each in told)
    answers = [each for session in told for each in _answers(session)]
    crashed = [name for name, count in bed.restarts().items() if count > restarts[name]]
    for name in crashed:
        say(f"{name} was restarted meanwhile; it said:\n{last_words(bed.operator.container(name))}")
    return Held(goal, reached, ended_by, ramp_seconds, before, during, passed, crashed, answers, 0.0 if release else CALL_SECONDS)


def _ramp(bed: Bed, script: dict[str, Any], goal: int, say: Callable[[str], None]) -> tuple[list[str], int, str, float]:
    begun: list[str] = []
    began = time.monotonic()
    live = 0
    while live < goal:
        while len(begun) < min(goal, live + AT_ONCE):
            begun.append(bed.begin(bed.environment_id, script))
        try:
            until("another session is at work", lambda live=live: bed.sandboxes("live") > live, PATIENCE_SECONDS)
        except TimeoutError as error:
            return begun, live, "; ".join([str(error), *bed.dispatcher().get("problems", [])]), began
        before, live = live, bed.sandboxes("live")
        if live // 20 > before // 20:
            say(f"{live} sessions at once, {time.monotonic() - began:.0f} s")
    return begun, live, "the goal", began


def _waits(bed: Bed, session_id: str) -> bool:
    """Whether the session has made its first call, and waits for a person's answer now."""
    try:
        until(f"{session_id} waits", lambda: _asked(bed, session_id) is not None, 10)
    except TimeoutError:
        return False
    return True


def _asked(bed: Bed, session_id: str) -> dict[str, Any] | None:
    return next((event for event in bed.told(session_id)["transcript"] if event["type"] == "agent.custom_tool_use"), None)


def _answer(bed: Bed, session_id: str) -> None:
    call = _asked(bed, session_id) or {}
    said = {"type": "user.custom_tool_result", "custom_tool_use_id": call["id"], "content": [{"type": "text", "text": "go on"}]}
    bed.admin("POST", f"/admin/sessions/{session_id}/user-events", {"events": [said]})


def _answers(session: dict[str, Any]) -> list[float]:
    """From each call but the first to its result, in seconds, at the control plane. The first waits for a sandbox as well."""
    asked = {event["id"]: event for event in session["transcript"] if event["type"] == "agent.tool_use"}
    results = [event for event in session["transcript"] if event["type"] == "user.tool_result"]
    return [seconds(each["processed_at"]) - seconds(asked[each["tool_use_id"]]["processed_at"]) for each in results[1:]]
