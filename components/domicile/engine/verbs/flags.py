"""The flags of the operations, declared once: which verbs take them, and those of the CLI's that are refused by name.

A flag whose name is a keyword of the operation (`--clear-pending-creates`, `clear_pending_creates`) reaches it by itself.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import workspace
from ..deployment.targets import Targets
from ..errors import EngineError, StackError
from ..operations import PARALLEL
from ..project import Project
from ..stack import Stack

OPERATIONS = ("preview", "up", "refresh", "destroy")


@dataclass(frozen=True)
class Flag:
    """`more` is what argparse takes beside the names."""

    names: tuple[str, ...]
    verbs: tuple[str, ...]
    help: str
    more: dict[str, Any]

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(*self.names, help=self.help, **self.more)


def switch(names: str, help: str, *verbs: str) -> Flag:
    """A flag without a value, of all operations unless some are named; `names` are parted by spaces."""
    return Flag(tuple(names.split()), verbs or OPERATIONS, help, {"action": "store_true"})


def option(names: str, help: str, *verbs: str, **more: Any) -> Flag:
    """A flag with a value, likewise."""
    return Flag(tuple(names.split()), verbs or OPERATIONS, help, more)


URNS: dict[str, Any] = {"action": "append", "default": [], "metavar": "URN"}
FLAGS = (
    option("--parallel -p", "how many steps run at once", type=int, default=PARALLEL, metavar="N"),
    option("--config -c", "set a configuration value, and keep it", "preview", "up", action="append", default=[], metavar="KEY=VALUE"),
    option("--policy-pack", "judge by this folder's rules", "preview", "up", action="append", default=[], metavar="DIR"),
    option("--policy-pack-config", "the rules' configuration", "preview", "up", action="append", default=[], metavar="FILE"),
    option("--event-log", "write what is done to this file, as the CLI's engine events", metavar="FILE"),
    switch("--diff", "show what changes property by property"),
    switch("--json", "print the result as JSON"),
    switch("--expect-no-changes", "exit with 7 if there are changes"),
    switch("--yes -y", "don't ask", "up", "refresh", "destroy"),
    switch("--skip-preview -f", "neither look first nor ask", "up", "refresh", "destroy"),
    switch("--preview-only", "only show what would be done", "refresh", "destroy"),
    switch("--refresh", "look at the world first", "preview", "up", "destroy"),
    switch("--clear-pending-creates", "forget the creates that a killed operation left in doubt", "refresh"),
    option("--import-pending-creates", "forget those of these URNs", "refresh", action="append", default=[], metavar="URN, ID"),
    switch("--run-program", "run the program too, so that its hooks can be called", "destroy"),
    option("--target -t", "touch only the resource of this URN; * and ** are wildcards", **URNS),
    switch("--target-dependents", "take what leans on a target as a target too"),
    option("--exclude -x", "leave the resource of this URN as it is; * and ** are wildcards", **URNS),
    switch("--exclude-dependents", "leave what leans on an excluded resource as it is too", "preview", "up", "refresh"),
    option("--replace", "replace the resource of this URN; * and ** are wildcards", "preview", "up", **URNS),
    option("--target-replace", "as --target and --replace together", "preview", "up", **URNS),
    switch("--continue-on-error", "go on with what doesn't lean on a failed resource", "preview", "up", "destroy"),
    switch("--exclude-protected", "leave what is protected, and what it leans on", "destroy"),
)


def add_flags(parser: argparse.ArgumentParser, verb: str) -> None:
    add_stack(parser)
    for flag in FLAGS:
        if verb in flag.verbs:
            flag.add_to(parser)


def add_stack(parser: argparse.ArgumentParser) -> None:
    """`--stack` and `--non-interactive`; given before an action (`config --stack dev set …`) they hold for it too."""
    parser.add_argument("--stack", "-s", default=argparse.SUPPRESS, help="the stack's name; else the selected one", metavar="NAME")
    parser.add_argument("--non-interactive", action="store_true", default=argparse.SUPPRESS, help="write lines for a log, and ask nothing")


def add_action(actions: Any, run: Callable[[argparse.Namespace], int], name: str = "") -> argparse.ArgumentParser:
    """A verb of a family: `run` does it, and its docstring tells what it is."""
    text = run.__doc__ or ""
    parser: argparse.ArgumentParser = actions.add_parser(
        name or run.__name__.strip("_"), help=text.partition("\n")[0].rstrip("."), description=text, allow_abbrev=False
    )
    add_stack(parser)
    parser.set_defaults(run=run)
    return parser


def stack_of(a: argparse.Namespace, secrets: bool = True, name: str | None = None) -> Stack:
    """The stack that is named, or else selected. Without `secrets` no passphrase is needed."""
    project = Project.load(Path.cwd())
    name = name or getattr(a, "stack", "") or workspace.selected(project)
    if not name:
        raise StackError("no stack named; use --stack NAME, or choose one with `stack select NAME`")
    return Stack.of(project, name, passphrase=None if secrets else "")


def must_confirm(a: argparse.Namespace, question: str) -> None:
    """Go on only with --yes or a `yes` typed at a terminal; EngineError otherwise."""
    if a.yes:
        return
    if getattr(a, "non_interactive", False) or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EngineError("--yes must be given where nothing can be asked")
    if input(f"{question} Type yes to go on: ").strip() != "yes":
        raise EngineError("not confirmed; nothing was changed")


def table(rows: Sequence[tuple[str, ...]], indent: str = "") -> str:
    """Rows, the heads first, in columns two spaces apart, as the CLI prints tables."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = (indent + "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines)


def keywords(operation: Callable[..., Any], a: argparse.Namespace) -> dict[str, Any]:
    """The flags that the operation takes, by its own names."""
    taken = {p.name for p in inspect.signature(operation).parameters.values() if p.kind is p.KEYWORD_ONLY}
    return {name: value for name, value in vars(a).items() if name in taken}


def targets_of(a: argparse.Namespace) -> Targets:
    given = {"replace": [], "target_replace": [], "exclude_dependents": False, **vars(a)}
    return Targets(
        (*given["target"], *given["target_replace"]), tuple(given["exclude"]), (*given["replace"], *given["target_replace"]),
        given["target_dependents"], given["exclude_dependents"],
    )  # fmt: skip
