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
from ..event_log import event_log
from ..events import Event, Result
from ..plugins.policy_pack import PolicyPack
from .flags import add_flags, keywords, stack_of, targets_of

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
    result = _watched(a, operations.preview, planning=True, policy_packs=_packs(a))
    return _finished(a, result, "preview")


def up(a: argparse.Namespace) -> int:
    """Make the world what the program says, step by step, with the state saved after each."""
    _need_yes(a)
    _save_config(a)
    result = _watched(a, operations.up, preview_first=not a.skip_preview, policy_packs=_packs(a))
    return _finished(a, result, "update")


def refresh(a: argparse.Namespace) -> int:
    """Ask each provider what the world looks like, and take that into the state."""
    _need_yes(a)
    return _finished(a, _watched(a, operations.refresh, a.preview_only), "refresh")


def destroy(a: argparse.Namespace) -> int:
    """Delete everything in the stack, dependents first. The stack itself stays, empty."""
    _need_yes(a)
    return _finished(a, _watched(a, operations.destroy, a.preview_only), "destroy")


def _watched(a: argparse.Namespace, operation: Callable[..., Result], planning: bool = False, **more: Any) -> Result:
    """The operation with the flags that it takes, shown and logged while it runs."""
    lines = display.Lines(sys.stderr if a.json else sys.stdout)
    with event_log(a.event_log, planning) as log:

        def on_event(event: Event) -> None:
            lines(event)
            if log:
                log(event)

        result = operation(stack_of(a), on_event, targets=targets_of(a), **more, **keywords(operation, a))
        if log:
            log.end(result)
    return result


def _packs(a: argparse.Namespace) -> list[PolicyPack]:
    """The policy packs asked for; configurations belong to packs in order, and there are none or as many."""
    folders, files = a.policy_pack, a.policy_pack_config
    if files and len(files) != len(folders):
        counts = f"--policy-pack is given {len(folders)} times and --policy-pack-config {len(files)}"
        raise EngineError(f"{counts}: give one configuration for each pack, or none")
    return [PolicyPack(Path(folder), Path(file) if file else None) for folder, file in zip_longest(folders, files)]


def _finished(a: argparse.Namespace, result: Result, noun: str) -> int:
    if a.json:
        print(json.dumps(display.plan(result), indent=4))
        display.summary(result, "Resources after such an update", sys.stderr)
    else:
        display.policies(result, sys.stdout)
        display.outputs(result, sys.stdout)
        display.summary(result, "Resources", sys.stdout)
    if result.exit_code:
        display.error(f"{noun} failed")
        return result.exit_code
    if a.expect_no_changes and result.changes:
        display.error(f"no changes were expected for {noun} but changes were proposed")
        return NOT_AS_EXPECTED
    return 0


def _need_yes(a: argparse.Namespace) -> None:
    preview_only = "preview_only" in a and a.preview_only
    if a.yes and preview_only:
        raise EngineError("--yes and --preview-only cannot be used together; drop one of them")
    if not a.yes and not preview_only:
        raise EngineError("--yes must be given: this command doesn't ask")


def _save_config(a: argparse.Namespace) -> None:
    """`-c key=value` is kept, as the CLI keeps it."""
    for text in a.config:
        key, sign, value = text.partition("=")
        if not sign:
            raise EngineError(f"-c {key}: write it as key=value")
        stack_of(a).set_config(key, value)
