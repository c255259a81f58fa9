"""`stack init | ls | rm | output`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..events import shown
from ..project import Project
from ..stack import Stack


def declare(verbs: Any) -> None:
    parser = verbs.add_parser("stack", help="make, list, show and remove stacks", description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=["init", "output", "ls", "rm"])
    parser.add_argument("name", nargs="?")
    parser.add_argument("--stack", "-s")
    for flag in ("--json", "--show-secrets", "--yes", "--non-interactive"):
        parser.add_argument(flag, action="store_true")
    parser.set_defaults(run=_stack)


def _stack(a: argparse.Namespace) -> int:
    project = Project.load(Path.cwd())
    if a.action == "ls":
        any_stack = Stack.of(project, "any")
        print("\n".join(any_stack.backend.stacks(project.name)))
        return 0
    name = a.name if a.action in ("init", "rm") and a.name else a.stack
    if not name:
        raise EngineError("name the stack")
    stack = Stack.of(project, name)
    if a.action == "init":
        stack.init()
    elif a.action == "rm":
        _remove(stack)
    else:
        outputs = shown(stack.outputs(), a.show_secrets)
        print(json.dumps(outputs, indent=2, sort_keys=True) if a.json else "\n".join(f"{k}: {v}" for k, v in outputs.items()))
    return 0


def _remove(stack: Stack) -> None:
    snapshot, _ = stack.backend.load(stack.project.name, stack.name, stack.passphrase)
    if snapshot.resources:
        raise EngineError(f"stack '{stack.name}' still has resources; `destroy` it first")
    stack.backend.remove(stack.project.name, stack.name)
