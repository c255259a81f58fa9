"""`domicile refresh`: takes in what has been changed by hand or has vanished."""

from __future__ import annotations

from domicile.cli.engine import engine_for
from domicile.cli.exit import print_json
from domicile.cli.outcome import changes_text
from domicile.cli.progress import Progress
from domicile.cli.project import Json, Stack, configuration, places, root


def refresh(stack: Stack = "local", json: Json = False) -> None:
    """Compare the stack's record with the machine, and take over what has drifted; `up` then mends it."""
    configuration(stack, json)
    with Progress(quiet=json) as progress:
        applied = engine_for(root(), places(stack), json).run("refresh", stack, progress)
    if json:
        print_json({"stack": stack, "changes": dict(applied.changes), "unchanged": applied.unchanged})
    else:
        print(f"stack {stack}: {'no drift' if applied.unchanged else changes_text(applied) + '; run `domicile up` to mend it'}")
