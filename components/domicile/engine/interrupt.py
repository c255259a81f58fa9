"""Ctrl-C and SIGTERM during an operation: the first lets the steps under way end and be saved, the second aborts.

As the CLI does, the first is passed on to the plugins as a `Cancel`: one that can break off what it does may do so.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from .deployment.gate import Gate
from .events import Journal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def winding_down(gate: Gate, journal: Journal, cancel: Callable[[], None], abort: Callable[[], None]) -> Iterator[None]:
    """Take the signals while the block runs. Outside the main thread Python can't take them, and nothing is changed.

    The first calls `cancel`; the second calls `abort`, which ends what the steps wait for, and raises KeyboardInterrupt.
    Neither is called in the handler: it may have cut into what they need.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    asked_before = False

    def asked(number: int, frame: FrameType | None) -> None:
        nonlocal asked_before
        if asked_before:
            threading.Thread(target=abort).start()
            raise KeyboardInterrupt
        asked_before = True
        threading.Thread(target=wind_down).start()

    def wind_down() -> None:
        gate.stop()
        journal.log(_WORDS, "error")
        cancel()

    before = {s: signal.signal(s, asked) for s in SIGNALS}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


_WORDS = "interrupted: the steps under way are finished and saved, nothing new starts; interrupt again to abort, leaving them in doubt"
