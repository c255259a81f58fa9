"""Where an operation's program runs and its provider plugins live: `Processes`, unless the caller has a host of its own.

The operations know a host by its protocol alone; one within this process drives the same monitor and the same provider calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from .config import Config
from .deployment.gate import Gate
from .events import Journal
from .language import program
from .language.calls import Calls
from .language.monitor import Monitor
from .language.service import Service
from .plugins.connection import Connection, PluginProcess
from .plugins.early import Early
from .plugins.process import Children
from .project import Project


@dataclass(frozen=True)
class Job:
    """What a host is told of the operation that it serves."""

    project: Project
    stack: str
    config: Config
    preview: bool
    parallel: int
    gate: Gate
    journal: Journal
    children: Children = field(default_factory=Children)  # whoever starts a process puts it here


class Host(Protocol):
    """Serves one operation."""

    @property
    def address(self) -> str:
        """Where the engine's own gRPC is, for the policy packs."""

    def start(self, package: str, version: str) -> Connection:
        """A fresh plugin of the package, not configured yet; PluginError if there is none. Whoever started it closes it."""

    def run(self) -> int:
        """Run the program to its end and give its exit code; after a failure elsewhere, end it once no step is under way."""

    def close(self) -> None:
        """The operation has ended: nothing calls the monitor any more."""


OpenHost = Callable[[Job, Monitor], Host]


class Processes:
    """The program and each plugin as a child process, with the monitor served to them. Plugins start beside the program."""

    def __init__(self, job: Job, monitor: Monitor) -> None:
        self._job = job
        self._plugins = Early(self._fresh)
        self._service = Service(monitor, self._plugins.expect)
        self._calls = Calls(monitor)
        self.address = self._service.address

    def start(self, package: str, version: str) -> Connection:
        return self._plugins.take(package, version)

    def _fresh(self, package: str, version: str, module: str) -> Connection:
        def on_line(stream: str, line: str) -> None:
            self._job.journal.log(f"{package}: {line}", "output")

        return PluginProcess(self._job.project, package, version, self.address, on_line, self._job.children, module)

    def run(self) -> int:
        job = self._job
        return program.run(
            job.project, job.stack, job.config, self.address, self._calls.program_end, job.preview, job.parallel, job.gate, job.journal,
            job.children,
        )  # fmt: skip

    def close(self) -> None:
        self._service.close()
        self._calls.close()
        self._plugins.close()
