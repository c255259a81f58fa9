"""`domicile preview`: what `up` would do."""

from __future__ import annotations

from domicile.cli.engine import engine_for
from domicile.cli.exit import print_json
from domicile.cli.outcome import changes_text
from domicile.cli.progress import Progress
from domicile.cli.project import Diff, Json, Stack, configuration, places, root


def preview(stack: Stack = "local", diff: Diff = False, json: Json = False) -> None:
    """Show what `up` would create, change and remove. Changes nothing but the engine's own record that the stack exists."""
    configuration(stack, json)
    with Progress(quiet=json, planned=True) as progress:
        applied = engine_for(root(), places(stack), json).run("preview", stack, progress, diff=diff)
    if json:
        print_json({"stack": stack, "changes": dict(applied.changes), "unchanged": applied.unchanged})
    elif applied.changes:
        print(f"stack {stack}: {changes_text(applied, planned=True)}")
