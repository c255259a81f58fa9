"""Plugins that are started before they are asked for: beside the program, which has just begun to load their package's SDK.

A provider's first registration comes once the whole program has run, and then waits for the plugin: seconds, for a big one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from ..errors import PluginError
from .connection import Connection


class Early:
    """`start` gives a fresh plugin by package and version. What fails is told to whoever asks for that plugin, and to nobody else."""

    def __init__(self, start: Callable[[str, str], Connection]) -> None:
        self._start = start
        self._under_way: dict[tuple[str, str], Future[Connection]] = {}
        self._expected: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def expect(self, package: str, version: str) -> None:
        """Begin to start one, unless that has been done before."""
        key = (package, version.removeprefix("v"))
        with self._lock:
            if key in self._expected:
                return
            self._expected.add(key)
            future = self._under_way[key] = Future()
        threading.Thread(target=self._run, args=(future, package, version), name=f"start {package}", daemon=True).start()

    def take(self, package: str, version: str) -> Connection:
        """One that nobody else has: the one that was begun, or a fresh one. Raises PluginError."""
        with self._lock:
            begun = self._under_way.pop((package, version.removeprefix("v")), None)
        return begun.result() if begun else self._start(package, version)

    def close(self) -> None:
        """End those that nobody has asked for; their processes have been told to end already."""
        with self._lock:
            left = list(self._under_way.values())
            self._under_way.clear()
        for future in left:
            with suppress(PluginError):  # it was nobody's
                future.result().close()

    def _run(self, future: Future[Connection], package: str, version: str) -> None:
        try:
            future.set_result(self._start(package, version))
        except BaseException as e:  # whoever asks for it raises it
            future.set_exception(e)
