"""Chooses how an operation is shown, and shows its end."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, TextIO

from ..events import Result
from .diff import print_diff
from .lines import Lines, outputs, policies, summary

if TYPE_CHECKING:
    from .tree import Tree


def is_terminal(out: TextIO) -> bool:
    """Whether the cursor can be moved there."""
    return out.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def can_ask() -> bool:
    """Whether there is someone to answer."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def watching(out: TextIO, lines: bool = False, planned: bool = False, diff: bool = False) -> Lines | Tree:
    """What takes an operation's events, as a context: a live tree on a terminal, lines otherwise or if `lines` asks for them.

    `planned` says that nothing is being done; `diff` leaves the steps to the property diff that follows.
    """
    if lines or not is_terminal(out):
        return Lines(out, quiet=diff)
    from .tree import Tree  # rich takes a tenth of the engine's start

    return Tree(out, planned, quiet=diff)


def report(result: Result, heading: str, out: TextIO, diff: bool = False, planned: bool = False) -> None:
    """The end of an operation, or of a preview: properties if asked for, policies, the stack's outputs and the summary."""
    if diff:
        print_diff(result, out)
    policies(result, out)
    outputs(result, out)
    asked = is_terminal(out)  # a log has no question below it that would say that nothing was done yet
    summary(result, heading if asked or not planned else f"{heading} after such an update", out, planned and asked)
