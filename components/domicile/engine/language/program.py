"""The user's program as a child process, from its start to its end, however that comes."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from ..config import Config
from ..deployment.gate import Gate
from ..events import Journal
from ..plugins.process import Child, Children
from ..project import Project

RUNNER = Path(__file__).with_name("run_program.py")
_LOOK_SECONDS = 0.05  # between two looks at whether the program has ended while nothing failed


def run(
    project: Project, stack: str, config: Config, address: str, calls: socket.socket, preview: bool, parallel: int, gate: Gate,
    journal: Journal, children: Children,
) -> int:  # fmt: skip
    """Run the program to its end and give its exit code; after a failure elsewhere, end it once no step is under way.

    It calls the monitor by gRPC at `address`, and by `calls`, its end of a pair of sockets, which is closed here.
    """
    job = {
        "project": project.name, "stack": stack, "address": address, "calls": calls.fileno(), "parallel": parallel, "dry_run": preview,
        "root": str(project.root), "program": str(project.program), "folder": str(project.program_folder), "config": config.values,
        "secret_keys": sorted(config.secret_keys),
    }  # fmt: skip

    def on_line(stream: str, line: str) -> None:
        journal.log(line, "output")

    command = [project.python, "-u", "-P", str(RUNNER)]
    with calls:
        child = Child(command, project.program_folder, os.environ, on_line, children, pass_fds=[calls.fileno()]).talk()
    try:
        child.feed(json.dumps(job))
        while not gate.stopped:
            if child.ended(_LOOK_SECONDS):
                break
        gate.wait_idle()
    finally:
        code = child.stop()
    return code
