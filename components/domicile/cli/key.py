"""`domicile key`: puts the environment key, or a credential that the proxy injects, into the secrets manager."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from domicile.cli.bootstrap import generated_key
from domicile.cli.exit import wrong_input
from domicile.cli.project import Stack, configuration, places
from domicile.cli.vault import ENVIRONMENT_KEY, put

_FORM = re.compile(r"sk-ant-oat01-[A-Za-z0-9_-]{16,}")
_LONGEST = 8192

Credential = Annotated[
    str | None, typer.Option("--credential", metavar="NAME", help="Put this credential of domicile:egress or of a sink instead.")
]
Generate = Annotated[bool, typer.Option("--generate", help="Stand-in only: let it make a new environment key, as the Console would.")]


def key(stack: Stack = "local", credential: Credential = None, generate: Generate = False) -> None:
    """Put the environment key into the secrets manager.

    Asks for it without echo, or reads standard input when that is piped. It is never an argument, never shown, never in the stack's
    state; only the dispatcher can read it back.
    """
    config, where = configuration(stack), places(stack)
    if generate and not config.is_stand_in:
        raise wrong_input(
            "--generate works with the stand-in only: make the key in the Console (environment page, Generate environment key)"
        )
    if generate and credential:
        raise wrong_input("--generate makes an environment key; say --credential without it")
    if credential and credential not in (known := config.credential_names):
        raise wrong_input(f"--credential {credential}: stack {stack} names {', '.join(known) or 'no credential'} in its configuration")
    name = f"credentials/{credential}" if credential else ENVIRONMENT_KEY
    value = generated_key(config, where) if generate else _asked(f"credential {credential}" if credential else "environment key")
    if not credential and not config.is_stand_in:
        _check_form(value)
    put(where, name, value)
    what = f"credential {credential}" if credential else f"environment key of {config.environment.id}"
    print(f"stack {stack}: the {what} is in the secrets manager")


def _asked(what: str) -> str:
    if sys.stdin.isatty():
        import getpass

        value = getpass.getpass(f"{what} (not shown): ")
    else:
        value = sys.stdin.read(_LONGEST + 1)
    value = value.strip()
    if not value:
        raise wrong_input(f"no {what} was given: type it in, or pipe it to standard input")
    if len(value) > _LONGEST or not value.isprintable() or not value.isascii():
        raise wrong_input(f"that is no {what}: one line of printable ASCII characters is expected")
    return value


def _check_form(value: str) -> None:
    if value.startswith("sk-ant-api"):
        raise wrong_input(
            "that is an API key: it may do more than this host should; use the environment key (sk-ant-oat01-…) of the Console"
        )
    if not _FORM.fullmatch(value):
        raise wrong_input("that is no environment key: it begins with sk-ant-oat01-; the Console shows it once, on the environment's page")
