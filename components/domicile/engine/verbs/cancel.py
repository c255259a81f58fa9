"""`cancel`: remove the locks that a dead operation left."""

from __future__ import annotations

import argparse
from typing import Any

from .flags import add_stack, must_confirm, stack_of


def declare(verbs: Any) -> None:
    parser = verbs.add_parser("cancel", help="remove the stack's locks, whoever holds them", description=__doc__, allow_abbrev=False)
    add_stack(parser)
    parser.add_argument("name", nargs="?", help="the stack")
    parser.add_argument("--yes", "-y", action="store_true", help="don't ask")
    parser.set_defaults(run=_cancel)


def _cancel(a: argparse.Namespace) -> int:
    stack = stack_of(a, secrets=False, name=a.name)
    must_confirm(a, f"This removes the locks of '{stack.name}': an operation that is still running would no longer be alone.")
    print(f"{stack.cancel()} lock(s) removed")
    return 0
