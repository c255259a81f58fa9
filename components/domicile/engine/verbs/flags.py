"""The flags of the operations, declared once: which verbs take them, and those of the CLI's that are refused by name.

A flag whose name is a keyword of the operation (`--clear-pending-creates`, `clear_pending_creates`) reaches it by itself.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UnsupportedError
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


def switch(name: str, help: str, *verbs: str) -> Flag:
    """A flag without a value; of all operations unless some are named."""
    return Flag((name,), verbs or OPERATIONS, help, {"action": "store_true"})


def option(names: str, help: str, *verbs: str, **more: Any) -> Flag:
    """A flag with a value; `names` are parted by spaces."""
    return Flag(tuple(names.split()), verbs or OPERATIONS, help, more)


FLAGS = (
    option("--parallel -p", "how many steps run at once", type=int, default=PARALLEL, metavar="N"),
    option("--config -c", "set a configuration value, and keep it", "preview", "up", action="append", default=[], metavar="KEY=VALUE"),
    option("--policy-pack", "judge by this folder's rules", "preview", "up", action="append", default=[], metavar="DIR"),
    option("--policy-pack-config", "the rules' configuration", "preview", "up", action="append", default=[], metavar="FILE"),
    switch("--json", "print the result as JSON"),
    switch("--non-interactive", "write lines for a log, and ask nothing"),
    switch("--expect-no-changes", "exit with 7 if there are changes"),
    switch("--yes", "don't ask", "up", "refresh", "destroy"),
    switch("--skip-preview", "don't look first", "up", "refresh", "destroy"),
    switch("--preview-only", "only show what would be done", "refresh", "destroy"),
    switch("--refresh", "look at the world first", "preview", "up", "destroy"),
    switch("--clear-pending-creates", "forget the creates that a killed operation left in doubt", "refresh"),
    switch("--run-program", "run the program too, so that its hooks can be called", "destroy"),
    switch("--exclude-protected", "leave what is protected, and what it leans on", "destroy"),
)
REFUSED = (
    "--target", "--target-dependents", "--exclude", "--exclude-dependents", "--replace", "--diff",
    "--import-pending-creates", "--continue-on-error", "--event-log", "--plan", "--save-plan", "--import-file",
)  # fmt: skip


def add_flags(parser: argparse.ArgumentParser, verb: str) -> None:
    add_stack(parser)
    for flag in FLAGS:
        if verb in flag.verbs:
            flag.add_to(parser)


def add_stack(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", "-s", required=True, help="the stack's name", metavar="NAME")


def stack_of(a: argparse.Namespace) -> Stack:
    return Stack.of(Project.load(Path.cwd()), a.stack)


def keywords(operation: Callable[..., Any], a: argparse.Namespace) -> dict[str, Any]:
    """The flags that the operation takes, by its own names."""
    taken = {p.name for p in inspect.signature(operation).parameters.values() if p.kind is p.KEYWORD_ONLY}
    return {name: value for name, value in vars(a).items() if name in taken}


def refuse_unsupported(arguments: list[str]) -> None:
    """UnsupportedError if there is a flag of the CLI's among them that this engine doesn't honour."""
    for word in arguments:
        if word.partition("=")[0] in REFUSED:
            raise UnsupportedError(f"the flag {word.partition('=')[0]}")
