"""`domicile images build|lock|verify`: the image builder, with the keys of a stack."""

from __future__ import annotations

from typing import Annotated

import typer

from domicile.cli.exit import CliError
from domicile.cli.project import places

app = typer.Typer(help="Build, lock and verify the images that a perimeter runs.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Images, such as sandbox or host; none: all.", metavar="NAME…")]
OfStack = Annotated[str, typer.Option("--stack", help="The stack whose signing key is used.", envvar="DOMICILE_STACK")]


@app.command()
def build(names: Names = None, stack: OfStack = "local") -> None:
    """Build and sign images, or find them built: the same inputs give the same digest."""
    _run("build", names, stack)


@app.command()
def lock(names: Names = None, stack: OfStack = "local") -> None:
    """Resolve anew what recipes name, and write the locks: review and commit the result."""
    _run("lock", names, stack)


@app.command()
def verify(names: Names = None, stack: OfStack = "local") -> None:
    """Check the signatures of images, of their bills of materials and of their provenance."""
    _run("verify", names, stack)


def _run(verb: str, names: list[str] | None, stack: str) -> None:
    keys = places(stack).keys
    from domicile_images.__main__ import main

    if main(["--keys", str(keys), verb, *(names or [])]):
        raise CliError(f"images {verb} failed: see above")
