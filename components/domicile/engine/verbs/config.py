"""`config set | rm`."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..errors import EngineError
from .flags import add_stack, stack_of


def declare(verbs: Any) -> None:
    parser = verbs.add_parser("config", help="set and remove configuration", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=["set", "rm"])
    add_stack(parser)
    for flag in ("--secret", "--plaintext", "--path", "--non-interactive"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("key")
    parser.add_argument("value", nargs="?")
    parser.set_defaults(run=_config)


def _config(a: argparse.Namespace) -> int:
    stack = stack_of(a)
    if a.action == "rm":
        if not stack.remove_config(a.key):
            raise EngineError(f"configuration key '{a.key}' not found for stack '{stack.name}'")
        return 0
    value = sys.stdin.read().rstrip("\n") if a.value is None else a.value
    stack.set_config(a.key, value, a.secret, a.path)
    return 0
