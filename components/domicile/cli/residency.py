"""`domicile residency`: where everything of a stack lies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domicile.cli.exit import CliError
from domicile.cli.project import Json, Stack, configuration

Out = Annotated[Path | None, typer.Option("--out", help="Write the manifest into this file (`residency.json`) too.")]


def residency(stack: Stack = "local", json: Json = False, out: Out = None) -> None:
    """List every region-bearing property of a stack, where it lies and how that is known. A stack with one outside is refused before.

    With --json: the manifest. What lies outside by an exception is shown with its owner and its last day.
    """
    from domicile.config import residency_manifest

    config = configuration(stack, json)
    manifest = residency_manifest(config, stack)
    if out is not None:
        try:
            out.write_text(manifest.to_json(), "utf-8")
        except OSError as error:
            raise CliError(f"{out}: {error.strerror}; name a file that you may write") from error
    if json:
        print(manifest.to_json(), end="")
        return
    print(f"stack {stack}, jurisdiction {manifest.jurisdiction}: {len(manifest.properties)} properties")
    for entry in manifest.properties:
        excepted = f"   excepted by {entry.waiver.owner} until {entry.waiver.expires}: {entry.waiver.reason}" if entry.waiver else ""
        print(f"  {entry.lies_in:<9}{entry.path:<34}{entry.value}{excepted}")
