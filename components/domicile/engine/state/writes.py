"""When a checkpoint is written: what changes side by side shares a write, and nobody waits longer for one than it is worth."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

PATIENCE = 2  # how long a write waits for the steps under way to join it, in times of what the last one took
PATIENCE_SECONDS = 0.05  # and at most
SOON_SECONDS = 0.02  # after a step's end, if no step begins meanwhile, whose own write has it too


class Batch:
    """Those who wait for one write. The first of them does it."""

    __slots__ = ("waiting", "written")

    def __init__(self) -> None:
        self.waiting = 0
        self.written: Future[None] = Future()


class Writes:
    """One at a time. `take`, called within `lock`, takes what is to be written and gives the function that writes it.

    Without `take` (a preview) nothing is ever written.
    """

    def __init__(self, lock: threading.RLock, take: Callable[[], Callable[[], None]] | None) -> None:
        self.changed = False
        """To be set within the lock with each change: the file hasn't all yet."""
        self._lock, self._take = lock, take
        self._turn = threading.Lock()
        self._last, self._next = Batch(), Batch()
        self._last.written.set_result(None)
        self._under_way, self._gathered = 0, threading.Condition(lock)
        self._ended = threading.Event()  # a step, since the last look of whoever writes when nobody else does
        self._write_seconds = 0.0  # how long the last one took
        if take:
            threading.Thread(target=self._save_soon, name="checkpoint", daemon=True).start()

    def saved(self) -> None:
        """Return once all changes up to now are in the file: with the write that is next, or the last one if nothing has changed since.

        Raises what the write raises.
        """
        if self._take is None:
            return
        with self._lock:
            batch = self._next if self.changed else self._last
            batch.waiting += 1
            leads = batch is self._next and batch.waiting == 1
            self._gather()
        if leads:
            self._lead(batch)
        batch.written.result()

    def close(self) -> None:
        """Write what is left to write, and nothing after that."""
        try:
            self.saved()
        finally:
            with self._turn:
                self._take = None
            self._ended.set()

    def _lead(self, batch: Batch) -> None:
        """Write for all of the batch, once the write before has ended and all steps under way have joined, or have had time to."""
        with self._turn:
            try:
                with self._lock:
                    self._gathered.wait_for(self._all_wait, min(PATIENCE * self._write_seconds, PATIENCE_SECONDS))
                    self._last, self._next, self.changed = batch, Batch(), False
                    write = self._take() if self._take else None
                began = time.monotonic()
                if write:
                    write()
                self._write_seconds = time.monotonic() - began
            except BaseException as e:
                self.changed = True  # so the next write has it too
                batch.written.set_exception(e)
            else:
                batch.written.set_result(None)

    def _save_soon(self) -> None:
        """Write what no step's begin takes along. A write that fails is done anew by the next one, or by `close`, which raises then."""
        while self._ended.wait() and self._take:
            time.sleep(SOON_SECONDS)
            self._ended.clear()
            with self._lock:
                batch = self._next
                batch.waiting += (leads := self.changed and not batch.waiting)
            if leads:
                self._lead(batch)

    # -- within the lock ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A step is under way from this change on, to the one with its `end`."""
        self.changed = True
        self._under_way += 1

    def end(self) -> None:
        self.changed = True
        self._under_way -= 1
        self._gather()
        self._ended.set()

    def _all_wait(self) -> bool:
        return self._next.waiting >= self._under_way

    def _gather(self) -> None:
        if self._all_wait():
            self._gathered.notify()
