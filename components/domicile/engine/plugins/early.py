"""Plugins that are started before they are asked for: beside the program, which has just begun to load their package's SDK.

A provider's first registration comes once the whole program has run, and then waits for the plugin: seconds, for a big one.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from ..errors import PluginError
from .connection import Connection


class Early:
    """`start` gives a fresh plugin by package, version and the Python module that it will be asked for.

    What fails is told to whoever asks for that plugin, and to nobody else.

    One processor is left to the program, which everything waits for: plugins that find none free start one after the other.
    """

    def __init__(self, start: Callable[[str, str, str], Connection]) -> None:
        self._start = start
        self._begun: dict[tuple[str, str], Future[Connection]] = {}
        self._expected: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._starters = ThreadPoolExecutor(max(1, len(os.sched_getaffinity(0)) - 1), "start")

    def expect(self, package: str, version: str, module: str = "") -> None:
        """Begin to start one, unless that has been done before."""
        key = (package, version.removeprefix("v"))
        with self._lock:
            if key not in self._expected:
                self._expected.add(key)
                self._begun[key] = self._starters.submit(self._start, package, version, module)

    def take(self, package: str, version: str) -> Connection:
        """One that nobody else has: the one that was begun, or a fresh one. Raises PluginError."""
        with self._lock:
            begun = self._begun.pop((package, version.removeprefix("v")), None)
        if begun is None or begun.cancel():  # its turn hasn't come yet
            return self._start(package, version, "")
        return begun.result()

    def close(self) -> None:
        """End those that nobody has asked for; their processes have been told to end already."""
        self._starters.shutdown(wait=False, cancel_futures=True)
        with self._lock:
            left = [begun for begun in self._begun.values() if not begun.cancelled()]
            self._begun.clear()
        for begun in left:
            with suppress(PluginError):  # it was nobody's
                begun.result().close()
