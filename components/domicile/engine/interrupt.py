"""Ctrl-C and SIGTERM during an operation: the first lets the steps under way end and be saved, the second aborts."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .deployment.gate import Gate
from .events import Journal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def winding_down(gate: Gate, journal: Journal) -> Iterator[None]:
    """Take the signals while the block runs. Outside the main thread Python can't take them, and nothing is changed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def asked(number: int, frame: FrameType | None) -> None:
        if gate.stopped:
            raise KeyboardInterrupt
        gate.stop()
        threading.Thread(target=journal.log, args=(_WORDS, "error")).start()  # not here: the handler may have cut into a log line

    before = {s: signal.signal(s, asked) for s in SIGNALS}
    try:
        yield
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


_WORDS = "interrupted: the steps under way are finished and saved, nothing new starts; interrupt again to abort, leaving them in doubt"
