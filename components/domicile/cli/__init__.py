"""The operator's command `domicile`: one file a verb. `main` is its entry point; make's targets are one line over these."""

from domicile.cli.app import main

__all__ = ["main"]
