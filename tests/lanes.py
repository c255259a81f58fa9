"""One suite as a process of its own, held to a time, and many of them beside each other: the machinery of `tests/__main__.py`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent
ENDED = re.compile(rb"^[.FEsxX]+", re.MULTILINE)
"""What pytest says of the tests that have ended, a letter each."""
PROGRESS_SECONDS = 30
"""How long nothing is said at most while suites run."""
REMOVAL_SECONDS = 60
"""What an interrupted suite has to remove what it made, before its processes are killed."""


@dataclass
class Suite:
    """One suite and what it came to.

    `workers`: how many processes of its own run its tests. `alone`: no two suites of the same such name run at once.
    `limit_seconds`: when it is ended and counts as failed.
    """

    name: str
    folder: Path
    limit_seconds: float
    workers: int = 1
    alone: str = ""
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    trouble: str = ""

    @property
    def log(self) -> Path:
        """All that it said, there while it runs too."""
        return self.folder / f"{self.name}.log"

    @property
    def progress(self) -> str:
        ended = sum(map(len, ENDED.findall(self.log.read_bytes())))
        return f"{self.name} ({ended} tests in {time.monotonic() - self.began:.0f} s)"

    async def run(self) -> None:
        """Runs its tests. One that ends otherwise than by them (a crash, a fault in collection, its limit) counts as a failure."""
        self.began = time.monotonic()
        report = self.folder / f"{self.name}.xml"
        command = [sys.executable, "-m", "pytest", str(TESTS / self.name), "--quiet", f"--junit-xml={report}"]
        command += ["--numprocesses", str(self.workers), "--dist", "worksteal"] if self.workers > 1 else []
        with self.log.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=TESTS.parent, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            try:
                await asyncio.wait_for(process.wait(), self.limit_seconds)
            except TimeoutError:
                self.trouble = f"it hadn't ended within its limit of {self.limit_seconds:.0f} s"
            except asyncio.CancelledError:
                self.trouble = "it was interrupted"
            await _end(process)
        self.seconds = time.monotonic() - self.began
        self._count(report, process.returncode or 0)

    def _count(self, report: Path, code: int) -> None:
        counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
        if report.exists():
            [told] = ElementTree.parse(report).getroot().iter("testsuite")
            counts = {name: int(told.get(name, "0")) for name in counts}
        failed, self.skipped = counts["failures"] + counts["errors"], counts["skipped"]
        self.passed = counts["tests"] - failed - self.skipped
        if code and not failed and not self.trouble:
            self.trouble = f"it ended with exit code {code}"
        self.failed = failed or int(bool(self.trouble))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Interrupts a suite that still runs, so that it removes what it made and says where it was; then no process of it is left."""
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), REMOVAL_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


@dataclass
class Lanes:
    """Runs suites in their order, `width` workers beside each other. After `limit_seconds`, or once stopped, nothing more begins."""

    width: int
    limit_seconds: float
    say: Callable[[str], None]

    async def run(self, suites: list[Suite]) -> None:
        """Says each suite's output whole when it has ended, and every `PROGRESS_SECONDS` what runs."""
        waiting, running = list(suites), dict[asyncio.Task[None], Suite]()
        end = time.monotonic() + self.limit_seconds
        stop = asyncio.create_task(self._stopped())
        while (waiting or running) and not stop.done() and time.monotonic() < end:
            while suite := self._next(waiting, list(running.values())):
                waiting.remove(suite)
                self.say(f"--- {suite.name} began")
                running[asyncio.create_task(suite.run())] = suite
            ended, _ = await asyncio.wait({stop, *running}, timeout=PROGRESS_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            self._report(running, ended)
            if not ended:
                self.say(f"running: {', '.join(suite.progress for suite in running.values())}; waiting: {len(waiting)}")
        await self._give_up(waiting, running, "the run was stopped" if stop.done() else f"{self.limit_seconds:.0f} s had passed")
        stop.cancel()

    def _next(self, waiting: list[Suite], running: list[Suite]) -> Suite | None:
        """The first that fits beside those that run."""
        free = self.width - sum(suite.workers for suite in running)
        alone = {suite.alone for suite in running if suite.alone}
        return next((suite for suite in waiting if suite.workers <= free and suite.alone not in alone), None)

    def _report(self, running: dict[asyncio.Task[None], Suite], ended: set[asyncio.Task[None]]) -> None:
        for task in ended & running.keys():
            suite = running.pop(task)
            task.result()
            self.say(suite.log.read_text("utf-8", "replace").rstrip())
            outcome = suite.trouble or ("failed" if suite.failed else "passed")
            self.say(f"--- {suite.name} ended after {suite.seconds:.0f} s: {outcome}")

    async def _give_up(self, waiting: list[Suite], running: dict[asyncio.Task[None], Suite], why: str) -> None:
        for suite in waiting:
            suite.trouble, suite.failed = f"it didn't begin: {why}", 1
        for task in running:
            task.cancel()
        if running:
            self.say(f"{why}: ending {', '.join(suite.progress for suite in running.values())}")
            await asyncio.wait(running)
            self._report(running, set(running))

    async def _stopped(self) -> None:
        """Waits for SIGINT or SIGTERM."""
        stopped = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stopped.set)
        await stopped.wait()
