"""Podman's API on a socket of the stack's own, for the dispatcher. It needs no service manager."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from domicile.machine.command import CommandError
from domicile.machine.files import write
from domicile.machine.resource import MachineProvider, MachineResource, Spec
from domicile.machine.waiting import answers, wait_until


class ContainerEngineSpec(Spec):
    """Where podman's API listens; `running` is constant, so that a stopped one shows as drift."""

    socket: Path
    runtime: str = "runc"
    running: bool = True


class ContainerEngineProvider(MachineProvider):
    """Starts `podman system service` as a process of its own session; its pid and start time lie beside the socket."""

    spec = ContainerEngineSpec
    replaces = frozenset({"socket", "runtime"})

    def identity(self, spec: ContainerEngineSpec) -> str:
        return str(spec.socket)

    def ensure(self, spec: ContainerEngineSpec) -> Mapping[str, Any]:
        if _process(spec.socket) and answers(spec.socket, "/_ping"):
            return {}
        self.remove(spec)
        spec.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (spec.socket.parent / "service.log").open("ab") as log:
            process = subprocess.Popen(
                ["podman", "--runtime", spec.runtime, "system", "service", "--time", "0", f"unix://{spec.socket}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        record = json.dumps({"pid": process.pid, "started": _started(process.pid)})
        write(_record(spec.socket), record.encode(), 0, 0, 0o600)
        if not wait_until(lambda: answers(spec.socket, "/_ping"), seconds=20):
            raise CommandError(f"podman's API did not answer on {spec.socket}: see {spec.socket.parent / 'service.log'}")
        return {}

    def look(self, spec: ContainerEngineSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {"running": _process(spec.socket) is not None and answers(spec.socket, "/_ping")}

    def remove(self, spec: ContainerEngineSpec) -> None:
        pid = _process(spec.socket)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            if not wait_until(lambda: _process(spec.socket) is None, seconds=10):
                os.kill(pid, signal.SIGKILL)
        spec.socket.unlink(missing_ok=True)
        _record(spec.socket).unlink(missing_ok=True)


class ContainerEngine(MachineResource):
    """Podman's API: `socket`, and the `runtime` of what is started through it."""

    provider: ClassVar[MachineProvider] = ContainerEngineProvider()


def _record(socket: Path) -> Path:
    return socket.parent / "service.json"


def _process(socket: Path) -> int | None:
    """The service's process id, if it is the very process that was started (ids are reused)."""
    if not _record(socket).exists():
        return None
    record = json.loads(_record(socket).read_text())
    return int(record["pid"]) if _started(record["pid"]) == record["started"] else None


def _started(pid: int) -> str | None:
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return None
    return None if after_name[0] == "Z" else after_name[19]
