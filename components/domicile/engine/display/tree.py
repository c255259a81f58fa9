"""The live tree: each resource that changes, under its component, with what is being done, how long it takes, and what was said of it.

What doesn't change is counted, not listed, so that thousands of resources stay readable. When the operation ends, the tree is printed
whole, with the diagnostics below it.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self, TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..events import Event
from .words import DOING, DONE, SIGNS

_COLOURS = {"create": "green", "update": "yellow", "replace": "magenta", "delete": "red", "read": "cyan", "import": "green"}
_STYLES = {"warning": "yellow", "error": "red"}
_FRAMES, _ASCII_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏", "|/-\\"
_NARROW = 70  # columns: below it there is no room for types
_AROUND = 6  # lines of the terminal left to what is above and below the tree
FRAMES_A_SECOND = 8


@dataclass
class Row:
    urn: str
    type: str
    name: str
    parent: str
    op: str = "same"
    state: Literal["seen", "running", "done", "failed"] = "seen"
    since: float = 0.0
    seconds: float = 0.0
    note: str = ""
    said: list[tuple[str, str]] = field(default_factory=list)  # severity, message

    @property
    def matters(self) -> bool:
        quiet = self.type.startswith("pulumi:providers:") and self.name.startswith("default") and self.state != "failed"
        return bool(self.said) or (not quiet and (self.op != "same" or self.state in ("running", "failed")))


class Tree:
    """Takes events; use as a context. `quiet` shows the tree only while the operation runs."""

    def __init__(self, out: TextIO, planned: bool = False, quiet: bool = False) -> None:
        self.console = Console(file=out, highlight=False)
        self._planned, self._quiet = planned, quiet
        self._rows: dict[str, Row] = {}
        self._general: list[tuple[str, str]] = []  # what was said of no resource
        self._lock = threading.Lock()
        self._live = Live(self, console=self.console, refresh_per_second=FRAMES_A_SECOND, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()
        with self._lock:
            if not self._quiet:
                self.console.print(self._table(self._ordered(), self.console.width))
            self._print_diagnostics()

    def __call__(self, event: Event) -> None:
        with self._lock:
            if event.kind == "log":
                self._log(event)
            elif event.policy is None:
                self._step(event)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The tree as it is now, cut to the terminal: what runs or failed comes first, then what ended last."""
        with self._lock:
            rows = self._ordered()
            ranked = sorted(rows, key=lambda r: (r[1].state not in ("running", "failed"), -r[1].since))
            kept = {row.urn for _, row in ranked[: max(1, options.max_height - _AROUND)]}
            yield self._table([each for each in rows if each[1].urn in kept], options.max_width, len(rows) - len(kept))
            if self._general:
                severity, message = self._general[-1]
                line = message.strip().partition("\n")[0]
                yield Text(f"   {line}", style=_STYLES.get(severity, "dim"), no_wrap=True, overflow="ellipsis")

    # -- taking in ----------------------------------------------------------------------------------------------------

    def _log(self, event: Event) -> None:
        if event.severity == "debug":
            return
        row = self._rows.get(event.urn)
        (row.said if row else self._general).append((event.severity, event.message.rstrip()))
        if row:
            row.note = event.message.strip().partition("\n")[0]

    def _step(self, event: Event) -> None:
        row = self._rows.setdefault(event.urn, Row(event.urn, event.type, event.name, event.parent))
        row.parent = event.parent or row.parent
        if event.kind == "resource-started":
            row.op, row.state, row.since = event.op, "running", time.monotonic()
        elif event.kind == "resource-failed":
            row.op, row.state = event.op, "failed"
            row.said.append(("error", event.message))
        elif row.state != "failed":
            row.op, row.state, row.seconds = event.op, "done", event.seconds

    # -- showing ------------------------------------------------------------------------------------------------------

    def _ordered(self) -> list[tuple[int, Row]]:
        """What matters and what is above it, parents before children, with the depth."""
        shown: set[str] = set()
        for row in self._rows.values():
            at: Row | None = row if row.matters else None
            while at is not None and at.urn not in shown:
                shown.add(at.urn)
                at = self._rows.get(at.parent)
        below: dict[str, list[Row]] = defaultdict(list)
        for urn in self._rows:
            row = self._rows[urn]
            if urn in shown:
                below[row.parent if row.parent in shown else ""].append(row)
        return list(self._walk(below, "", 0))

    def _walk(self, below: dict[str, list[Row]], urn: str, depth: int) -> Iterator[tuple[int, Row]]:
        for row in below.get(urn, []):
            yield depth, row
            if row.urn:
                yield from self._walk(below, row.urn, depth + 1)

    def _table(self, rows: list[tuple[int, Row]], width: int, omitted: int = 0) -> Table:
        table = Table.grid(padding=(0, 2))
        for _ in range(2 if width < _NARROW else 3):
            table.add_column(no_wrap=True, overflow="ellipsis")
        for depth, row in rows:
            colour = "red" if row.state == "failed" else _COLOURS.get(row.op.partition("-")[0], "")
            name = Text(f"{SIGNS.get(row.op, ''):>2} {'  ' * depth}{row.name}", style=colour)
            cells = [name, Text(self._status(row), style=colour)]
            table.add_row(*(cells if width < _NARROW else [name, Text(row.type, style="dim"), cells[1]]))
        unchanged = sum(1 for r in self._rows.values() if r.op == "same" and r.state == "done")
        counts = [f"{unchanged} unchanged"] if unchanged else []
        counts += [f"{omitted} more"] if omitted else []
        if counts:
            table.add_row(Text("   " + ", ".join(counts), style="dim"))
        return table

    def _status(self, row: Row) -> str:
        if row.state == "running":
            seconds = time.monotonic() - row.since
            frames = _FRAMES if self.console.encoding.startswith("utf") else _ASCII_FRAMES
            frame = frames[int(time.monotonic() * FRAMES_A_SECOND) % len(frames)]
            return f"{frame} {row.op if self._planned else DOING.get(row.op, row.op)} ({seconds:.0f}s) {row.note}".rstrip()
        if row.state == "failed":
            return f"failed: {row.op}"
        if row.op == "same" or row.state == "seen":
            return row.note
        return row.op if self._planned else f"{DONE.get(row.op, row.op)} ({row.seconds:.1f}s)"

    def _print_diagnostics(self) -> None:
        groups = [(f"{r.type} ({r.name})", r.said) for r in self._rows.values() if r.said]
        groups += [("the stack", self._general)] if self._general else []
        if not groups:
            return
        self.console.print("\nDiagnostics:", style="bold", markup=False)
        for subject, said in groups:
            self.console.print(f"  {subject}:", markup=False)
            for severity, message in said:
                prefix = f"{severity}: " if severity in ("warning", "error") else ""
                text = "\n".join(f"    {line}" for line in f"{prefix}{message}".splitlines())
                self.console.print(Text(text, style=_STYLES.get(severity, "")), soft_wrap=True)
