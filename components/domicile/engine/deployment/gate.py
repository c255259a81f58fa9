"""How many steps run at once, and the rule after a failure: what is under way ends, nothing new starts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..deployment.pool import LOOK_SECONDS


class Stopping(Exception):
    """Nothing new may start."""


class Gate:
    def __init__(self, parallel: int) -> None:
        self._slots = threading.BoundedSemaphore(parallel)
        self._state = threading.Condition()
        self._busy = 0
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

    @contextmanager
    def deciding(self) -> Iterator[None]:
        """While it is decided what becomes of a registration, up to its step's begin."""
        with self._state:
            self._deciding += 1
        try:
            yield
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
