"""How many steps run at once, who decides, and the rule after a failure: what is under way ends, nothing new starts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from ..deployment.pool import LOOK_SECONDS

Decided = TypeVar("Decided")


class Stopping(Exception):
    """Nothing new may start."""


class Gate:
    def __init__(self, parallel: int) -> None:
        self._slots = threading.BoundedSemaphore(parallel)
        self._state = threading.Condition()
        self._busy = 0
        self._turns = ThreadPoolExecutor(1, "decider")
        self._decider = 0  # the thread that has them
        self._deciding = 0  # how deep; one registration at a time
        self._decided = 0
        self._waiting = 0  # for room
        self.stopped = False

    def stop(self) -> None:
        with self._state:
            self.stopped = True
            self._state.notify_all()

    def enter(self) -> None:
        """Begin a step when there is room; raises Stopping if a failure came before. Ends with `leave`."""
        with self._state:
            self._waiting += 1
            self._state.notify_all()
        self._slots.acquire()
        with self._state:
            self._waiting -= 1
            if self.stopped:
                self._slots.release()
                raise Stopping
            self._busy += 1

    def leave(self) -> None:
        with self._state:
            self._busy -= 1
            self._state.notify_all()
        self._slots.release()

    def decide(self, work: Callable[[], Decided]) -> Decided:
        """What `work` gives or raises, in its turn: it decides what becomes of a registration, up to its step's begin.

        One thread has all the turns: where a lock goes from thread to thread, handing it over takes longer than a decision.
        Work that asks for a turn within its own has it at once. Raises Stopping if a failure came before.
        """
        if threading.get_ident() == self._decider:
            return self._turn(work)
        with self._state:
            if self.stopped:
                raise Stopping
            turn = self._turns.submit(self._turn, work)
        return turn.result()

    def _turn(self, work: Callable[[], Decided]) -> Decided:
        with self._state:
            if self.stopped:
                raise Stopping
            self._decider = threading.get_ident()
            self._deciding += 1
        try:
            return work()
        finally:
            with self._state:
                self._deciding -= 1
                self._decided += not self._deciding
                self._state.notify_all()

    def settle(self) -> None:
        """Wait until what is being decided at this moment has begun, or waits for room. Not for who decides."""
        with self._state:
            before = self._decided
            self._state.wait_for(lambda: self.stopped or not self._deciding or self._decided > before or bool(self._waiting))

    @contextmanager
    def step(self) -> Iterator[None]:
        self.enter()
        try:
            yield
        finally:
            self.leave()

    def wait_idle(self) -> None:
        """Wait until no step is under way."""
        with self._state:
            while self._busy:
                self._state.wait(LOOK_SECONDS)

    def wait_stopped(self, timeout_seconds: float) -> bool:
        with self._state:
            return self._state.wait_for(lambda: self.stopped, timeout_seconds)

    def close(self) -> None:
        """Nothing starts and nothing is decided any more."""
        self.stop()
        self._turns.shutdown(wait=False)
