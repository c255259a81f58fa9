"""Turns: what becomes of one registration is decided after the other, whichever thread asks, and no more after a failure."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from domicile.engine.deployment.gate import Gate, Stopping


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate(4)
    yield gate
    gate.close()


def test_turns_are_taken_one_after_another(gate):
    under_way, most, total = 0, 0, 0

    def work() -> None:
        nonlocal under_way, most, total
        under_way += 1
        most, total = max(most, under_way), total + 1
        threading.Event().wait(0.001)  # lets the other threads run
        under_way -= 1

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: gate.decide(work), range(40)))
    assert (most, total) == (1, 40)


def test_a_turn_asked_for_within_a_turn_is_had_at_once(gate):
    assert gate.decide(lambda: gate.decide(lambda: "inner")) == "inner"


def test_what_a_turn_raises_reaches_who_asked_for_it(gate):
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        gate.decide(fail)
    assert gate.decide(lambda: "the next") == "the next"


def test_who_waits_for_a_turn_has_none_after_a_failure(gate):
    begun, go_on, decided = threading.Event(), threading.Event(), list[str]()

    def failing() -> None:
        begun.set()
        assert go_on.wait(60)
        gate.stop()

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(gate.decide, failing)
        assert begun.wait(60)
        second = threads.submit(gate.decide, lambda: decided.append("second"))
        go_on.set()
        first.result()
        with pytest.raises(Stopping):
            second.result()
    assert decided == []


def test_a_closed_gate_gives_no_turn(gate):
    gate.close()
    with pytest.raises(Stopping):
        gate.decide(lambda: "late")
