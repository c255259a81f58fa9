"""AWS's own command with the operator's own credentials: the way to an AWS stack's account from an operator's machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from domicile.cli.exit import CliError, wrong_input

if TYPE_CHECKING:
    from domicile.config.aws import Aws

_ENVIRONMENT = {"AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"}


def require_account(aws: Aws) -> None:
    """Ends the verb unless the command is there and its credentials are of the stack's account."""
    if shutil.which("aws") is None:
        raise wrong_input(
            "there is no `aws` on PATH: install AWS's command line, log in as one of aws.access.administrators, run this again"
        )
    account = run(aws, "sts", "get-caller-identity", "--query", "Account", "--output", "text").strip()
    if account != aws.account:
        raise wrong_input(f"the credentials are account {account}'s, the stack's is {aws.account}: log in there, run this again")


def run(aws: Aws, *arguments: str, value: str = "") -> str:
    """What the command prints in the stack's region; `value` goes to its standard input. Raises `CliError`, which holds neither."""
    command = ["aws", *arguments, "--region", aws.region]
    ran = subprocess.run(command, input=value, capture_output=True, text=True, check=False, env={**os.environ, **_ENVIRONMENT})
    if ran.returncode:
        raise CliError(f"aws {' '.join(arguments[:2])} failed (exit {ran.returncode}): {ran.stderr.strip()}")
    return ran.stdout
