"""Puts the verbs together. What a verb needs is imported when it runs, so that `--help` answers at once."""

from __future__ import annotations

import sys

import typer

from domicile.cli import (
    audit,
    check,
    destroy,
    drill,
    egress,
    images,
    key,
    pending,
    preview,
    refresh,
    rehearse,
    residency,
    session,
    status,
    tunnel,
    up,
    version,
)
from domicile.cli.exit import CliError, ExitCode

app = typer.Typer(
    name="domicile",
    help="Everything that Claude Managed Agents' self-hosted sandboxes need, inside your own perimeter.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong input (nothing was touched). "
    "Places: DOMICILE_HOME (/var/lib/domicile), DOMICILE_RUN (/run/domicile). Engine: DOMICILE_ENGINE=pulumi|embedded.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

PROVISION, OPERATE, SUPPLY = "Provision", "Operate", "Supply chain"
app.command("check", rich_help_panel=PROVISION)(check.check)
app.command("residency", rich_help_panel=PROVISION)(residency.residency)
app.add_typer(egress.app, name="egress", rich_help_panel=PROVISION)
app.command("preview", rich_help_panel=PROVISION)(preview.preview)
app.command("rehearse", rich_help_panel=PROVISION)(rehearse.rehearse)
app.command("up", rich_help_panel=PROVISION)(up.up)
app.command("refresh", rich_help_panel=PROVISION)(refresh.refresh)
app.command("pending", rich_help_panel=PROVISION)(pending.pending)
app.command("destroy", rich_help_panel=PROVISION)(destroy.destroy)
app.command("key", rich_help_panel=OPERATE)(key.key)
app.command("tunnel", rich_help_panel=OPERATE)(tunnel.tunnel)
app.command("status", rich_help_panel=OPERATE)(status.status)
app.command("session", rich_help_panel=OPERATE)(session.session)
app.command("drill", rich_help_panel=OPERATE)(drill.drill)
app.add_typer(audit.app, name="audit", rich_help_panel=OPERATE)
app.add_typer(images.app, name="images", rich_help_panel=SUPPLY)
app.command("version", rich_help_panel=SUPPLY)(version.version)


def main() -> None:
    """Runs the command; every failure that the product knows ends in one message and an exit code."""
    try:
        app()
    except CliError as error:
        error.show()
        sys.exit(error.code)
    except BrokenPipeError:  # who read the output has seen enough
        sys.stderr.close()
        sys.exit(ExitCode.FAILED)
