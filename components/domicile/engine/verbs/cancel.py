"""`cancel`: remove the locks that a dead operation left."""

from __future__ import annotations

import argparse
from typing import Any

from .flags import add_stack, stack_of


def declare(verbs: Any) -> None:
    parser = verbs.add_parser("cancel", help="remove the stack's locks, whoever holds them", description=__doc__, allow_abbrev=False)
    add_stack(parser)
    for flag in ("--yes", "--non-interactive"):
        parser.add_argument(flag, action="store_true")
    parser.set_defaults(run=_cancel)


def _cancel(a: argparse.Namespace) -> int:
    print(f"{stack_of(a).cancel()} lock(s) removed")
    return 0
