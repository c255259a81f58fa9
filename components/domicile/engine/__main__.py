"""`python -m domicile.engine VERB`: the engine called as Pulumi's CLI is, with its verbs, flags and exit codes.

For holding the engine to recordings of the CLI, and for a look at a stack without Domicile. Users call `domicile`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import display
from .errors import EngineError, UnsupportedError
from .events import Result, shown
from .operations import PARALLEL, destroy, preview, refresh, up
from .project import Project
from .stack import Stack

NOT_AS_EXPECTED = 7  # the CLI's exit code for changes where none were expected
REFUSED = (
    "--target", "--target-dependents", "--exclude", "--exclude-dependents", "--replace", "--policy-pack", "--policy-pack-config", "--diff",
    "--run-program", "--import-pending-creates", "--continue-on-error", "--event-log", "--plan", "--save-plan", "--import-file",
)  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m domicile.engine", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("preview", "up", "refresh", "destroy"):
        p = verbs.add_parser(verb)
        p.add_argument("--stack", required=True)
        p.add_argument("--parallel", type=int, default=PARALLEL)
        for flag in ("--json", "--yes", "--skip-preview", "--non-interactive", "--expect-no-changes", "--refresh", "--preview-only"):
            p.add_argument(flag, action="store_true")
        p.add_argument("--clear-pending-creates", action="store_true")
        p.add_argument("--exclude-protected", action="store_true")
        p.add_argument("-c", "--config", action="append", default=[], metavar="KEY=VALUE")
    p = verbs.add_parser("cancel")
    p.add_argument("--stack", required=True)
    p.add_argument("--yes", action="store_true")
    p = verbs.add_parser("stack")
    p.add_argument("action", choices=["init", "output", "ls", "rm"])
    p.add_argument("name", nargs="?")
    p.add_argument("--stack")
    for flag in ("--json", "--show-secrets", "--yes", "--non-interactive"):
        p.add_argument(flag, action="store_true")
    p = verbs.add_parser("config")
    p.add_argument("action", choices=["set", "rm"])
    p.add_argument("--stack", required=True)
    for flag in ("--secret", "--plaintext", "--path", "--non-interactive"):
        p.add_argument(flag, action="store_true")
    p.add_argument("key")
    p.add_argument("value", nargs="?")
    return parser


def _stack(a: argparse.Namespace) -> Stack:
    return Stack.of(Project.load(Path.cwd()), a.stack)


def _finished(a: argparse.Namespace, result: Result, noun: str) -> int:
    if a.json:
        print(json.dumps(display.plan(result), indent=4))
        display.summary(result, "Resources after such an update", sys.stderr)
    else:
        display.outputs(result, sys.stdout)
        display.summary(result, "Resources", sys.stdout)
    if result.exit_code:
        display.error(f"{noun} failed")
        return result.exit_code
    if a.expect_no_changes and result.changes:
        display.error(f"no changes were expected for {noun} but changes were proposed")
        return NOT_AS_EXPECTED
    return 0


def _lines(a: argparse.Namespace) -> display.Lines:
    return display.Lines(sys.stderr if a.json else sys.stdout)


def _preview(a: argparse.Namespace) -> int:
    result = preview(_stack(a), _lines(a), parallel=a.parallel, refresh=a.refresh)
    return _finished(a, result, "preview")


def _up(a: argparse.Namespace) -> int:
    _need_yes(a)
    result = up(
        _stack(a), _lines(a), parallel=a.parallel, refresh=a.refresh, preview_first=not a.skip_preview,
    )  # fmt: skip
    return _finished(a, result, "update")


def _refresh(a: argparse.Namespace) -> int:
    _need_yes(a)
    result = refresh(_stack(a), _lines(a), parallel=a.parallel, preview_only=a.preview_only, clear_pending_creates=a.clear_pending_creates)
    return _finished(a, result, "refresh")


def _destroy(a: argparse.Namespace) -> int:
    _need_yes(a)
    result = destroy(
        _stack(a), _lines(a), parallel=a.parallel, refresh=a.refresh, exclude_protected=a.exclude_protected, preview_only=a.preview_only
    )
    return _finished(a, result, "destroy")


def _need_yes(a: argparse.Namespace) -> None:
    if a.yes and a.preview_only:
        raise EngineError("--yes and --preview-only cannot be used together; drop one of them")
    if not a.yes and not a.preview_only:
        raise EngineError("--yes must be given: this command doesn't ask")


def _save_config(a: argparse.Namespace) -> None:
    """`-c key=value` is kept, as the CLI keeps it."""
    for text in a.config:
        key, sign, value = text.partition("=")
        if not sign:
            raise EngineError(f"-c {key}: write it as key=value")
        _stack(a).set_config(key, value)


def _cancel(a: argparse.Namespace) -> int:
    print(f"{_stack(a).cancel()} lock(s) removed")
    return 0


def _stack_verb(a: argparse.Namespace) -> int:
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


def _config(a: argparse.Namespace) -> int:
    stack = _stack(a)
    if a.action == "rm":
        if not stack.remove_config(a.key):
            raise EngineError(f"configuration key '{a.key}' not found for stack '{stack.name}'")
        return 0
    value = sys.stdin.read().rstrip("\n") if a.value is None else a.value
    stack.set_config(a.key, value, a.secret, a.path)
    return 0


VERBS: dict[str, Callable[[Any], int]] = {
    "preview": _preview, "up": _up, "refresh": _refresh, "destroy": _destroy, "cancel": _cancel, "stack": _stack_verb, "config": _config,
}  # fmt: skip


def main(arguments: list[str]) -> int:
    try:
        for word in arguments:
            if word.partition("=")[0] in REFUSED:
                raise UnsupportedError(f"the flag {word.partition('=')[0]}")
        a = _parser().parse_args(arguments)
        if a.verb in ("preview", "up"):
            _save_config(a)
        return VERBS[a.verb](a)
    except EngineError as e:
        display.error(str(e))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
