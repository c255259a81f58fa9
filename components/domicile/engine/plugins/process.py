"""Child processes of the engine: the program and the plugins. They die with the engine, and what they print is passed on.

A provider that outlived a killed engine would go on changing the world beside the next `up`; so the kernel is asked to kill it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

from ..errors import PluginError

_LAUNCH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]): sys.exit(70)
os.execvp(sys.argv[2], sys.argv[2:])
"""
START_SECONDS = 120  # a plugin that hasn't said its port by then is hung; a big SDK on a busy machine takes 10
_spawner = ThreadPoolExecutor(1, "spawner")  # the kernel's "parent" is a thread: this one lives as long as the engine


class Child:
    """A process whose output is given line by line to `on_line`, and whose last lines of stderr are kept for error messages."""

    def __init__(
        self, command: list[str], folder: Path, env: Mapping[str, str], on_line: Callable[[str, str], None], port_first: bool = False,
        name: str = "",
    ) -> None:  # fmt: skip
        self.name = name or f"plugin {Path(command[0]).name}"
        self.last_words: deque[str] = deque(maxlen=20)
        launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *command]
        self.process: subprocess.Popen[str] = _spawner.submit(_spawn, launch, folder, _without_passphrase(env)).result()
        self._on_line = on_line
        self._pumps = [self._pump(self.process.stderr, "stderr")]
        self.port = self._read_port() if port_first else 0
        self._pumps.append(self._pump(self.process.stdout, "stdout"))

    def _read_port(self) -> int:
        assert self.process.stdout is not None  # noqa: S101 it is a pipe
        impatience = threading.Timer(START_SECONDS, self.process.kill)
        impatience.start()
        line = self.process.stdout.readline().strip()
        impatience.cancel()
        if line.isdigit():
            return int(line)
        self.stop()
        raise PluginError(f"{self.name} did not start: it said {line!r}. {self.said()}")

    def _pump(self, stream: IO[str] | None, name: str) -> threading.Thread:
        def run() -> None:
            for line in stream or ():
                if name == "stderr":
                    self.last_words.append(line.rstrip("\n"))
                self._on_line(name, line.rstrip("\n"))

        thread = threading.Thread(target=run, name=f"{name} of {self.name}", daemon=True)
        thread.start()
        return thread

    def said(self) -> str:
        return "Its last words:\n" + "\n".join(self.last_words) if self.last_words else "It said nothing on stderr."

    def feed(self, text: str) -> None:
        """Give the child `text` as its whole input."""
        assert self.process.stdin is not None  # noqa: S101 it is a pipe
        try:
            self.process.stdin.write(text)
            self.process.stdin.close()
        except BrokenPipeError:  # it died at once; its exit code says so
            self.process.wait()

    def stop(self, patience_seconds: float = 2) -> int:
        """End it, gently and then not, and wait until all that it said has been passed on."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(patience_seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        for pump in self._pumps:
            pump.join(patience_seconds)
        return code


def _spawn(launch: list[str], folder: Path, env: dict[str, str]) -> subprocess.Popen[str]:
    """Start it in a session of its own: Ctrl-C is the engine's, a provider in the midst of a step must not get it."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        launch, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, env=env, text=True, errors="replace", start_new_session=True
    )


def _without_passphrase(env: Mapping[str, str]) -> dict[str, str]:
    """A program or a provider has no business with what opens the state's secrets."""
    return {k: v for k, v in env.items() if not k.startswith("PULUMI_CONFIG_PASSPHRASE")}
