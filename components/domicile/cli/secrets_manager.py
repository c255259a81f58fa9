"""Writes a secret of an AWS stack, with the operator's own credentials. The value goes by standard input only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from domicile.cli.aws_command import require_account, run

if TYPE_CHECKING:
    from domicile.config.aws import Aws


def put(aws: Aws, stack: str, value: str, name: str) -> None:
    """A new version of the stack's secret `name`. The secret itself is made by `domicile up`."""
    require_account(aws)
    arguments = ["--secret-id", f"domicile-{stack}/{name}", "--secret-string", "file:///dev/stdin"]
    run(aws, "secretsmanager", "put-secret-value", *arguments, value=value)
