"""Writes a secret of an AWS stack, by AWS's own command and the operator's own credentials. The value goes by standard input only."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from domicile.cli.exit import CliError, wrong_input

if TYPE_CHECKING:
    from domicile.config.aws import Aws

_ENVIRONMENT = {"AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true"}


def put(aws: Aws, stack: str, value: str, name: str) -> None:
    """A new version of the stack's secret `name`. The secret itself is made by `domicile up`."""
    if shutil.which("aws") is None:
        raise wrong_input(
            "there is no `aws` on PATH: install AWS's command line, log in as one of aws.access.administrators, run this again"
        )
    account = _aws(aws, "sts", "get-caller-identity", "--query", "Account", "--output", "text").strip()
    if account != aws.account:
        raise wrong_input(f"the credentials are account {account}'s, the stack's is {aws.account}: log in there, run this again")
    arguments = ["--secret-id", f"domicile-{stack}/{name}", "--secret-string", "file:///dev/stdin"]
    _aws(aws, "secretsmanager", "put-secret-value", *arguments, value=value)


def _aws(aws: Aws, *arguments: str, value: str = "") -> str:
    command = ["aws", *arguments, "--region", aws.region]
    ran = subprocess.run(command, input=value, capture_output=True, text=True, check=False, env={**os.environ, **_ENVIRONMENT})
    if ran.returncode:
        raise CliError(f"aws {' '.join(arguments[:2])} failed (exit {ran.returncode}): {ran.stderr.strip()}")
    return ran.stdout
