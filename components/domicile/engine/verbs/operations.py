"""`preview`, `up`, `refresh`, `destroy`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any

from .. import display, operations
from ..errors import EngineError
from ..event_log import EventLog, event_log
from ..events import Event, Result
from ..plugins.policy_pack import PolicyPack
from .flags import add_flags, keywords, stack_of, targets_of

Operation = Callable[..., Result]
NOT_AS_EXPECTED = 7  # the CLI's exit code for changes where none were expected


def declare(verbs: Any) -> None:
    for run, about in (
        (preview, "show what `up` would do"),
        (up, "make the world what the program says"),
        (refresh, "take into the state what the world looks like"),
        (destroy, "delete everything in the stack"),
    ):
        parser = verbs.add_parser(run.__name__, help=about, description=run.__doc__, allow_abbrev=False)
        add_flags(parser, run.__name__)
        parser.set_defaults(run=run)


def preview(a: argparse.Namespace) -> int:
    """Show what `up` would do, by running the program and changing nothing."""
    _save_config(a)
    result = _watched(a, operations.preview, planned=True, policy_packs=_packs(a))
    return _finished(a, result, "preview", planned=True)


def up(a: argparse.Namespace) -> int:
    """Make the world what the program says, step by step, with the state saved after each. Shows what it would do, and asks."""
    _must_be_answerable(a)
    _save_config(a)
    packs = _packs(a)
    if not _agreed(a, "update", lambda: _watched(a, operations.preview, planned=True, policy_packs=packs)):
        return 1
    first = a.yes and not a.skip_preview
    return _finished(a, _watched(a, operations.up, policy_packs=packs, preview_first=first), "update")


def refresh(a: argparse.Namespace) -> int:
    """Ask each provider what the world looks like, and take that into the state. Shows the drift, and asks."""
    return _over_state(a, "refresh", operations.refresh)


def destroy(a: argparse.Namespace) -> int:
    """Delete everything in the stack, dependents first. The stack itself stays, empty. Shows what would go, and asks."""
    return _over_state(a, "destroy", operations.destroy)


def _over_state(a: argparse.Namespace, noun: str, operation: Operation) -> int:
    _must_be_answerable(a)
    if a.preview_only:
        return _finished(a, _watched(a, operation, planned=True), noun, planned=True)
    if not _agreed(a, noun, lambda: _watched(a, operation, planned=True, preview_only=True)):
        return 1
    return _finished(a, _watched(a, operation), noun)


def _watched(a: argparse.Namespace, operation: Operation, planned: bool = False, **more: Any) -> Result:
    """The operation with the flags that it takes, shown and logged while it runs. With --json, what is done is the CLI's events."""
    out = sys.stderr if a.json else sys.stdout
    lines = a.json or getattr(a, "non_interactive", False)
    with event_log(a.event_log, planned) as log, display.watching(out, lines, planned, a.diff) as watch:
        logs = [each for each in (log, EventLog(sys.stdout, planned) if a.json and not planned else None) if each]

        def on_event(event: Event) -> None:
            for take in (watch, *logs):
                take(event)

        result = operation(stack_of(a), on_event, targets=targets_of(a), **{**keywords(operation, a), **more})
        for each in logs:
            each.end(result)
    return result


def _agreed(a: argparse.Namespace, noun: str, look: Callable[[], Result]) -> bool:
    """Whether to go on: --yes and --skip-preview say so, or else whoever is at the terminal, who is shown what would be done."""
    if a.yes or a.skip_preview:
        return True
    result = look()
    display.report(result, "Resources", sys.stdout, a.diff, planned=True)
    if result.exit_code:
        display.error("preview failed")
        return False
    if not display.confirmed(noun, lambda: display.print_diff(result, sys.stdout)):
        display.error(f"confirmation declined, not proceeding with the {noun}")
        return False
    return True


def _must_be_answerable(a: argparse.Namespace) -> None:
    if "preview_only" in a and a.preview_only:
        if a.yes:
            raise EngineError("--yes and --preview-only cannot be used together; drop one of them")
    elif not (a.yes or a.skip_preview) and (a.json or getattr(a, "non_interactive", False) or not display.can_ask()):
        raise EngineError("--yes must be given where nothing can be asked: without a terminal, with --non-interactive or --json")


def _packs(a: argparse.Namespace) -> list[PolicyPack]:
    """The policy packs asked for; configurations belong to packs in order, and there are none or as many."""
    folders, files = a.policy_pack, a.policy_pack_config
    if files and len(files) != len(folders):
        counts = f"--policy-pack is given {len(folders)} times and --policy-pack-config {len(files)}"
        raise EngineError(f"{counts}: give one configuration for each pack, or none")
    return [PolicyPack(Path(folder), Path(file) if file else None) for folder, file in zip_longest(folders, files)]


def _finished(a: argparse.Namespace, result: Result, noun: str, planned: bool = False) -> int:
    if a.json:
        if planned:
            print(json.dumps(display.plan(result), indent=4))
        display.summary(result, "Resources after such an update", sys.stderr)
    else:
        display.report(result, "Resources", sys.stdout, a.diff, planned)
    if result.exit_code:
        display.error(f"{noun} failed")
        return result.exit_code
    if a.expect_no_changes and result.changes:
        display.error(f"no changes were expected for {noun} but changes were proposed")
        return NOT_AS_EXPECTED
    return 0


def _save_config(a: argparse.Namespace) -> None:
    """`-c key=value` is kept, as the CLI keeps it."""
    for text in a.config:
        key, sign, value = text.partition("=")
        if not sign:
            raise EngineError(f"-c {key}: write it as key=value")
        stack_of(a).set_config(key, value)
