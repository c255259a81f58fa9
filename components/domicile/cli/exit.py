"""How the command ends: exit codes, and errors that become one message."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told."""

    OK = 0
    FAILED = 1
    WRONG_INPUT = 2


class CliError(Exception):
    """Ends the command with a message that says what to do. With `as_json`, standard output gets it as JSON too."""

    def __init__(self, message: str, code: ExitCode = ExitCode.FAILED, details: object = None, as_json: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self._details = details
        self._as_json = as_json

    def show(self) -> None:
        print(f"error: {self}", file=sys.stderr)
        if self._as_json:
            print_json({"error": str(self)} if self._details is None else self._details)


def wrong_input(message: str) -> CliError:
    """For what the user can mend by saying it otherwise; nothing has been touched."""
    return CliError(message, ExitCode.WRONG_INPUT)


def must_ask(yes: bool, as_json: bool) -> bool:
    """Whether somebody is to be asked before anything is changed; wrong input where `--yes` is missing and nobody can be."""
    if yes:
        return False
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise wrong_input("--yes must be given where nothing can be asked: without a terminal, or with --json")
    return True


@contextmanager
def ending_on(*errors: type[Exception]) -> Iterator[None]:
    """Turns the errors of another room, whose messages are made for users, into the command's end."""
    try:
        yield
    except errors as error:
        raise CliError(str(error)) from error


def print_json(value: object) -> None:
    """What `--json` prints: one document, indented, keys in the order they were made."""
    print(json.dumps(value, indent=2, default=str, ensure_ascii=False))
