"""`domicile audit verify`: holds journals and archive against their hash chains, each other and the sinks' cursors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli.exit import CliError, ExitCode, ending_on, print_json, wrong_input
from domicile.cli.project import Json, Stack, places

if TYPE_CHECKING:
    from domicile.places import StackPlaces
    from domicile_host.audit.verify import Report

app = typer.Typer(help="Look after the audit records.", no_args_is_help=True)
Folder = Annotated[Path | None, typer.Option("--folder", help="Check this archive, or folder of journals, by itself instead.")]


@app.callback()
def group() -> None:
    """Look after the audit records."""


@app.command()
def verify(stack: Stack = "local", folder: Folder = None, json: Json = False) -> None:
    """Check that no audit record was changed, taken out, put in or written anew.

    Journals and archive are held against each other and against what every sink has confirmed; of a destroyed stack the retained archive
    is checked. Exit code 0 when all is whole, 1 with each fault otherwise.
    """
    report = _report(places(stack), folder)
    if json:
        print_json({"ok": report.ok, "records": report.records, **report.model_dump(mode="json")})
    else:
        _show(report)
    if not report.ok:
        raise typer.Exit(ExitCode.FAILED)


def _report(where: StackPlaces, folder: Path | None) -> Report:
    from pydantic import ValidationError

    from domicile_host import settings
    from domicile_host.audit import verify as audit

    if folder is not None and not folder.is_dir():
        raise wrong_input(f"--folder {folder}: no such folder")
    with ending_on(OSError, ValidationError):
        if folder is None and where.settings.exists():
            report = audit.verify_host(settings.load(where.settings))
        elif (chosen := folder or where.archive).is_dir():
            report = audit.verify(chosen)
        else:
            raise CliError(f"stack {where.stack} has neither settings nor an archive in {where.home}: there is nothing to verify")
    if not report.records:
        raise CliError(f"there is no audit record in {folder or where.home}")
    return report


def _show(report: Report) -> None:
    for chain in report.chains:
        held = f"{chain.records} records, {chain.first} to {chain.last}"
        print(f"{chain.place:<8}{chain.source:<12}{held}{', ' + str(len(chain.faults)) + ' faults' if chain.faults else ''}")
        for fault in chain.faults:
            print(f"  {fault.kind} at {fault.sequence} in {fault.segment}: {fault.what}")
    for sink, count in report.refused.items():
        if count:
            print(f"sink {sink} refused {count} records; they are kept beside its cursor")
    print("all records are whole" if report.ok else "THE RECORDS ARE NOT WHOLE")
