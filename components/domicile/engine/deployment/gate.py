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
        self.stopped = False

    def stop(self) -> None:
        with self._state:
            self.stopped = True
            self._state.notify_all()

    def enter(self) -> None:
        """Begin a step when there is room; raises Stopping if a failure came before. Ends with `leave`."""
        self._slots.acquire()
        with self._state:
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
