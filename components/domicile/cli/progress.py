"""Shows long work as it goes: a live line on a terminal, plain lines elsewhere, nothing on standard output."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from rich.status import Status

    from domicile.engine import Event

_DONE = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete": "removed",
    "delete-replaced": "removed old",
}
_PLANNED = {
    "create": "to create",
    "update": "to update",
    "replace": "to replace",
    "create-replacement": "to replace",
    "delete": "to remove",
}
_DOING = {"create": "creating", "update": "updating", "replace": "replacing", "create-replacement": "replacing", "delete": "removing"}


class ResourceEvent(Protocol):
    """What is read of an engine's event."""

    @property
    def kind(self) -> str: ...
    @property
    def message(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def op(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def seconds(self) -> float: ...


class Progress:
    """Use as a context; `quiet` shows errors and warnings only, `planned` tells what would be done."""

    def __init__(self, quiet: bool = False, planned: bool = False) -> None:
        self._quiet, self._planned = quiet, planned
        self._status: Status | None = None
        self._working: dict[str, str] = {}
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("starting")
            self._status.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._status:
            self._status.stop()
            self._status = None

    @property
    def seconds(self) -> float:
        """Since this was made."""
        return time.monotonic() - self._began

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A part of the work that has a name; its end is told with its time if it took any."""
        began = time.monotonic()
        self._live(title)
        yield
        seconds = time.monotonic() - began
        if seconds >= 1:
            self.line(f"{title}: {seconds:.1f} s")

    def line(self, text: str) -> None:
        """Something that has happened."""
        if self._quiet:
            return
        if self._status:
            self._status.console.print(f"  {text}", markup=False, highlight=False)
        else:
            print(f"  {text}", file=sys.stderr, flush=True)

    def detail(self, text: str) -> None:
        """A step within the step: replaces the live line on a terminal, a line of its own elsewhere."""
        if self._status:
            self._live(text)
        else:
            self.line(text)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The terminal is another's while the block runs: a question's, or that of the engine's tree."""
        status, self._status = self._status, None
        if status:
            status.stop()
        yield
        if status:
            self._status = status
            status.start()

    @contextmanager
    def operation(self, planned: bool = False) -> Iterator[Callable[[Event], None]]:
        """What takes an engine's events: its live tree on a terminal, else lines."""
        if not self._status:
            yield self.event
            return
        from domicile.engine.display import watching

        with self.paused(), watching(sys.stderr, planned=planned) as watch:
            yield watch

    def event(self, event: ResourceEvent) -> None:
        """Takes an engine's event."""
        match event.kind:
            case "resource-started":
                self._working[event.name] = f"{_DOING.get(event.op, event.op)} {event.name}"
            case "resource-finished":
                self._working.pop(event.name, None)
                if self._planned and event.op in _PLANNED:
                    self.line(f"{_PLANNED[event.op]:<12}{event.name}")
                elif not self._planned and event.op in _DONE:
                    self.line(f"{_DONE[event.op]:<12}{event.name}  {event.seconds:.1f} s")
            case "resource-failed":
                self._working.pop(event.name, None)
                self._loud(f"failed      {event.message}")
            case "log" if event.severity in ("warning", "error"):
                self._loud(f"{event.severity}: {event.message.rstrip()}")
            case "log" if event.severity in ("output", "info"):
                self.detail(event.message.rstrip())
        self._live(", ".join(list(self._working.values())[:3]) or "working")

    def _loud(self, text: str) -> None:
        quiet, self._quiet = self._quiet, False
        self.line(text)
        self._quiet = quiet

    def _live(self, text: str) -> None:
        if self._status:
            from rich.markup import escape

            self._status.update(escape(text))
