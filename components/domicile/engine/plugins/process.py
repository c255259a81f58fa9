"""Child processes of the engine: the program and the plugins. They die with the engine, and what they print is passed on.

A provider that outlived a killed engine would go on changing the world beside the next `up`; so the kernel is asked to kill it.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

from ..errors import PluginError

_LAUNCH = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]): sys.exit(70)
try: os.execvp(sys.argv[2], sys.argv[2:])
except OSError as e: sys.exit(f"{sys.argv[2]} can't be run: {e.strerror}")
"""
START_SECONDS = 120  # a plugin that hasn't said its port by then is hung; a big SDK on a busy machine takes 10
FLOOD_BYTES = 32 << 20  # what a plugin may print in one operation: far more than anybody reads, far less than memory
LINE_BYTES = 64 << 10  # a longer line is passed on in parts
_END_SECONDS = 2  # for a process that is told to end, and for the rest of its output
_spawner = ThreadPoolExecutor(1, "spawner")  # the kernel's "parent" is a thread: this one lives as long as the engine


class Children:
    """All processes of one operation, so that none is left when it ends, however it ends."""

    def __init__(self) -> None:
        self._all: list[Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def add(self, child: Child) -> None:
        """Called as soon as the process runs. One that comes when the operation has ended goes at once."""
        with self._lock:
            self._all.append(child)
            late = self._closed
        if late:
            child.stop()
            raise PluginError(f"{child.name} was not started: the operation has ended")

    def close(self) -> None:
        """End them all at the same time: a hung one costs its patience once."""
        with self._lock:
            self._closed = True
            children = list(self._all)
        for child in children:
            child.tell_to_end()
        for child in children:
            child.stop()


class Child:
    """A process whose output is given line by line to `on_line`, and whose last lines of stderr are kept for error messages."""

    def __init__(
        self, command: list[str], folder: Path, env: Mapping[str, str], on_line: Callable[[str, str], None], children: Children,
        name: str = "", pass_fds: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.name = name or Path(command[0]).name
        self.port = 0
        self.last_words: deque[str] = deque(maxlen=20)
        self._ending = threading.RLock()
        self._flooded = self._told = False
        self._room: int | None = None  # bytes that it may still print; a program may print what it likes
        self._on_line = on_line
        launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *command]
        self.process: subprocess.Popen[str] = _spawner.submit(_spawn, launch, folder, _without_passphrase(env), pass_fds).result()
        self._fd = os.pidfd_open(self.process.pid)  # readable once it has ended
        self._pumps: list[threading.Thread] = []
        children.add(self)

    def talk(self) -> Child:
        """Pass on what it prints from here on."""
        self._pumps += [self._pump(self.process.stderr, "stderr"), self._pump(self.process.stdout, "stdout")]
        return self

    def serve(self) -> Child:
        """Read the port that a plugin prints first, and pass on the rest. Raises PluginError for one that doesn't."""
        assert self.process.stdout is not None  # noqa: S101 it is a pipe
        self._room = FLOOD_BYTES
        self._pumps.append(self._pump(self.process.stderr, "stderr"))
        late = threading.Event()

        def give_up() -> None:
            late.set()
            self.signal(signal.SIGKILL)

        impatience = threading.Timer(START_SECONDS, give_up)
        impatience.start()
        line = self.process.stdout.readline(LINE_BYTES).strip()
        impatience.cancel()
        if line.isdecimal() and 0 < int(line) < 1 << 16:
            self.port = int(line)
            self._pumps.append(self._pump(self.process.stdout, "stdout"))
            return self
        fault = f"said {line[:80]!r} where its port was expected" if line else self.fate()
        self.stop()
        raise PluginError(
            f"{self.name} did not start: it {f'said no port in {START_SECONDS} s' if late.is_set() else fault}. {self.said()}"
        )

    def _pump(self, stream: IO[str] | None, name: str) -> threading.Thread:
        def run() -> None:
            while stream and (line := stream.readline(LINE_BYTES)):
                if name == "stderr":
                    self.last_words.append(line.rstrip("\n")[:1000])
                if self._has_room(len(line)):
                    self._on_line(name, line.rstrip("\n"))

        thread = threading.Thread(target=run, name=f"{name} of {self.name}", daemon=True)
        thread.start()
        return thread

    def _has_room(self, size: int) -> bool:
        """Whether a plugin's line may be passed on; the first one too many is its end."""
        if self._room is None or self._flooded:
            return not self._flooded
        self._room -= size
        if self._room < 0:
            self._flooded = True
            self.signal(signal.SIGKILL)
        return not self._flooded

    @property
    def alive(self) -> bool:
        return not self.ended(0)

    def ended(self, within_seconds: float) -> bool:
        """Whether it ends within this time. It isn't reaped: as long as it isn't, its number can't be another's."""
        if self.process.returncode is not None:
            return True
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(within_seconds * 1000))

    def fate(self) -> str:
        """What became of it, as the end of a sentence that begins with its name."""
        if self._flooded:
            return f"was ended, as it printed more than {FLOOD_BYTES >> 20} MiB"
        if not self.ended(_END_SECONDS):
            return "runs, but doesn't answer"
        code = self.stop()
        name = next((s.name for s in signal.Signals if s == -code), f"signal {-code}")
        return f"was killed by {name}" if code < 0 else f"ended with exit code {code}"

    def said(self) -> str:
        """Its last lines of stderr; all of them, if it has ended."""
        if not self.alive:
            self._drain()
        return "Its last words:\n" + "\n".join(self.last_words) if self.last_words else "It said nothing on stderr."

    def feed(self, text: str) -> None:
        """Give the child `text` as its whole input."""
        assert self.process.stdin is not None  # noqa: S101 it is a pipe
        try:
            self.process.stdin.write(text)
            self.process.stdin.close()
        except BrokenPipeError:
            self.ended(_END_SECONDS)  # it died at once; its exit code says so

    def signal(self, number: int) -> None:
        """Send it to the process and to those that it started and that stayed in its group."""
        with self._ending, suppress(ProcessLookupError):
            if self.process.returncode is None:
                os.killpg(self.process.pid, number)

    def tell_to_end(self) -> None:
        """Once: a second signal may come in the midst of what it does about the first."""
        with self._ending:
            if not self._told:
                self._told = True
                self.signal(signal.SIGTERM)

    def stop(self) -> int:
        """End it, gently and then not, and wait until all that it said has been passed on."""
        with self._ending:
            if self.process.returncode is None:
                if self.alive:
                    self.tell_to_end()
                    self.ended(_END_SECONDS)
                self.signal(signal.SIGKILL)
                self.process.wait()
                os.close(self._fd)
        self._drain()
        return self.process.returncode

    def _drain(self) -> None:
        for pump in self._pumps:
            if pump is not threading.current_thread():
                pump.join(_END_SECONDS)


def _spawn(launch: list[str], folder: Path, env: dict[str, str], pass_fds: Sequence[int]) -> subprocess.Popen[str]:
    """Start it in a session of its own: Ctrl-C is the engine's, a provider in the midst of a step must not get it."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        launch, stdin=pipe, stdout=pipe, stderr=pipe, cwd=folder, env=env, text=True, errors="replace", start_new_session=True,
        pass_fds=pass_fds,
    )  # fmt: skip


def _without_passphrase(env: Mapping[str, str]) -> dict[str, str]:
    """A program or a provider has no business with what opens the state's secrets."""
    return {k: v for k, v in env.items() if not k.startswith("PULUMI_CONFIG_PASSPHRASE")}
