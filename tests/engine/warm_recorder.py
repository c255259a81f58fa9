"""The recordings' recorder with an engine that needn't start: each command is a fork of this process, which has it loaded.

    python warm_recorder.py compare NAME…        as `record.py` with `--engine "python -m domicile.engine"`, in half of the time

A command has a process, a session, an environment and files of its own, and is killed as one that was started; the programs, plugins and
policy packs that the engine starts are started. The stacks share a salt, so that its key, which takes half a second, is made once.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import domicile.engine
from domicile.engine.state.crypter import Crypter

sys.path.insert(0, str(Path(__file__).with_name("recordings")))

import record

NAME = "pulumi"  # what the recorder asks for its event log


class Engine:
    """One command of the engine: as much of `subprocess.Popen` as the recorder uses."""

    def __init__(self, command: list[str], *, cwd: Path, env: dict[str, str], stdout: Any, stderr: Any, **_: Any) -> None:
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os._exit(_act(command[1:], cwd, env, (stdout.fileno(), stderr.fileno())))
            finally:
                os._exit(70)

    def poll(self) -> int | None:
        if self.returncode is None and (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            self.returncode = os.waitstatus_to_exitcode(ended[1])
        return self.returncode

    def wait(self) -> int:
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


def _act(arguments: list[str], folder: Path, env: dict[str, str], outputs: tuple[int, int]) -> int:
    """Be the command: what `exec` would have set, and then the engine's own `main`."""
    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    for number, file in enumerate((os.open(os.devnull, os.O_RDONLY), *outputs)):
        os.dup2(file, number)
    from domicile.engine.verbs import main

    try:
        return main(arguments)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


class Stage(record.Stage):
    """A scenario's place, whose stack has a salt before it is made."""

    salt = ""

    def plugins(self) -> None:
        super().plugins()
        (self.work / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {self.salt}\n")


def main() -> int:
    for module in pkgutil.walk_packages(domicile.engine.__path__, "domicile.engine."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    Stage.salt = Crypter.new(record.PASSPHRASE).salt
    record.Stage = Stage
    record.subprocess = SimpleNamespace(Popen=Engine, run=subprocess.run, DEVNULL=subprocess.DEVNULL)  # the recorder's alone
    sys.argv += ["--engine", NAME]
    return record.main()


if __name__ == "__main__":
    sys.exit(main())
