"""Runs the machine's own tools (podman, ip, nft) for the resources of this package."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence


class CommandError(RuntimeError):
    """A tool of the machine failed; the message holds the command and what it said."""


def run(*command: str, stdin: str | None = None, timeout_seconds: float = 120) -> str:
    """Runs a command and gives its standard output.

    Raises `CommandError` when the command is missing, fails or takes longer than `timeout_seconds`.
    """
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_seconds, check=False)
    except FileNotFoundError as error:
        raise CommandError(f"{command[0]} is not installed on this machine: run `make prepare`") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"`{_shown(command)}` did not end within {timeout_seconds:.0f} s") from error
    if done.returncode:
        raise CommandError(f"`{_shown(command)}` failed with {done.returncode}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def last_words(container: str) -> str:
    """The end of what a container has said, on either stream."""
    done = subprocess.run(
        ["podman", "logs", "--tail", "20", container], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.stdout.strip() or "(none)"


def succeeds(*command: str) -> bool:
    """Whether a command that asks a question answers yes (exit code 0). Raises `CommandError` when it is missing."""
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except FileNotFoundError as error:
        raise CommandError(f"{command[0]} is not installed on this machine: run `make prepare`") from error


def _shown(command: Sequence[str]) -> str:
    text = " ".join(command)
    return text if len(text) <= 200 else text[:200] + " …"
