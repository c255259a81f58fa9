"""A command on a terminal of its own: what it draws is read, answers are typed. For the engine's display and the operator's questions."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r")


class Terminal:
    def __init__(self, command: list[str], folder: Path, environment: Mapping[str, str], columns: int = 100, rows: int = 40) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {k: v for k, v in environment.items() if k not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            command, cwd=folder, env={"TERM": "xterm-256color", **env}, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)
        self.raw = ""

    def until(self, words: str, seconds: float = 90) -> str:
        """Read until the words are there, without control sequences."""
        end = time.monotonic() + seconds
        while words not in self.text:
            if time.monotonic() > end or not self._read(end - time.monotonic()):
                raise AssertionError(f"{words!r} was not shown, but at last:\n{self.text[-2000:]}")
        return self.text

    def say(self, answer: str) -> None:
        os.write(self._master, f"{answer}\n".encode())

    def end(self) -> tuple[int, str]:
        while self._read(90):
            pass
        os.close(self._master)
        return self.process.wait(60), self.text

    @property
    def text(self) -> str:
        return CONTROL.sub("", self.raw)

    def _read(self, seconds: float) -> bool:
        if not select.select([self._master], [], [], max(0, seconds))[0]:
            return False
        try:
            piece = os.read(self._master, 65536)
        except OSError:  # the other side is closed: all has been read
            return False
        self.raw += piece.decode("utf-8", "replace")
        return bool(piece)
