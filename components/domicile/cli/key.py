"""`domicile key`: puts the environment key, or a credential that the proxy injects, into the secrets manager."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from domicile.cli import secrets_manager
from domicile.cli.exit import CliError, wrong_input
from domicile.cli.project import Environment, Stack, configuration, one_of, places
from domicile.cli.services import ask
from domicile.cli.vault import put

_FORM = re.compile(r"sk-ant-oat01-[A-Za-z0-9_-]{16,}")
_SIGNING_FORM = re.compile(r"whsec_[A-Za-z0-9+/]{22,}={0,2}")
_LONGEST = 8192

if TYPE_CHECKING:
    from domicile.places import StackPlaces

Credential = Annotated[
    str | None, typer.Option("--credential", metavar="NAME", help="Put this credential of domicile:egress or of a sink instead.")
]
Webhook = Annotated[bool, typer.Option("--webhook", help="Put the secret with which the control plane signs webhooks instead.")]
Generate = Annotated[bool, typer.Option("--generate", help="Stand-in only: let it make a new environment key, as the Console would.")]


def key(
    stack: Stack = "local",
    environment: Environment = None,
    credential: Credential = None,
    webhook: Webhook = False,
    generate: Generate = False,
) -> None:
    """Put the environment key into the secrets manager.

    Asks for it without echo, or reads standard input when that is piped. It is never an argument, never shown, never in the stack's
    state; only the dispatcher can read it back. For an AWS stack it goes to Secrets Manager, by the `aws` command and your credentials.
    """
    config, where = one_of(configuration(stack), environment), places(stack)
    if generate and not config.is_stand_in:
        raise wrong_input(
            "--generate works with the stand-in only: make the key in the Console (environment page, Generate environment key)"
        )
    if sum((generate, webhook, credential is not None)) > 1:
        raise wrong_input("--generate makes an environment key, --credential and --webhook put other secrets: say one of them")
    if webhook and not (config.aws and config.aws.scaling.webhook):
        raise wrong_input(f"--webhook: stack {stack} has no address for webhooks; set `aws.scaling.webhook: true` first")
    if credential and credential not in (known := config.credential_names):
        raise wrong_input(f"--credential {credential}: stack {stack} names {', '.join(known) or 'no credential'} in its configuration")
    if config.control_plane.kind == "aws" and not credential and not webhook:
        raise wrong_input(
            f"stack {stack} has no environment key: at Claude Platform on AWS worker hosts sign with their role; "
            "say --credential NAME or --webhook for another secret"
        )
    what = f"credential {credential}" if credential else "webhook signing secret" if webhook else "environment key"
    value = _generated(where, config.only_environment.id) if generate else _asked(what)
    if webhook:
        _check_signing_secret(value)
    elif not credential and not config.is_stand_in:
        _check_form(value)
    if config.aws:
        name = f"credentials/{credential}" if credential else "webhook-signing-secret" if webhook else "environment-key"
        secrets_manager.put(config.aws, stack, value, f"environments/{environment}/{name}" if environment else name)
    else:
        put(where, value, credential)
    print(f"stack {stack}{f', environment {environment}' if environment else ''}: the {what} is in the secrets manager")


def _generated(where: StackPlaces, environment_id: str) -> str:
    answer = ask(where.control_plane_admin, "POST", "/admin/environment-keys", {"environment_id": environment_id})
    if not isinstance(answer, dict) or not isinstance(answer.get("key"), str):
        raise CliError("the stand-in gave no key: is its image of another version? Run `domicile up` again")
    return str(answer["key"])


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


def _check_signing_secret(value: str) -> None:
    if not _SIGNING_FORM.fullmatch(value):
        raise wrong_input("that is no webhook signing secret: it begins with whsec_; the Console shows it once, when the webhook is made")


def _check_form(value: str) -> None:
    if value.startswith("sk-ant-api"):
        raise wrong_input(
            "that is an API key: it may do more than this host should; use the environment key (sk-ant-oat01-…) of the Console"
        )
    if not _FORM.fullmatch(value):
        raise wrong_input("that is no environment key: it begins with sk-ant-oat01-; the Console shows it once, on the environment's page")
