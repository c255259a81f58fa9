"""`domicile audit verify`: holds the journals and the archive against their hash chains."""

from __future__ import annotations

import typer

app = typer.Typer(help="Look after the audit records.", no_args_is_help=True)
