"""Podman's API on a socket of the stack's own, for the dispatcher. It needs no service manager."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from domicile.machine.command import CommandError
from domicile.machine.resource import MachineProvider, MachineResource, Spec
from domicile.machine.waiting import answers, wait_until


class ContainerEngineSpec(Spec):
    """Where podman's API listens; `running` is constant, so that a stopped one shows as drift."""

    socket: Path
    runtime: str = "runc"
    running: bool = True


class ContainerEngineProvider(MachineProvider):
    """Runs `podman system service` as a process of its own session. It is known by its arguments, also after a start that was killed."""

    spec = ContainerEngineSpec
    replaces = frozenset({"socket", "runtime"})

    def identity(self, spec: ContainerEngineSpec) -> str:
        return str(spec.socket)

    def ensure(self, spec: ContainerEngineSpec) -> Mapping[str, Any]:
        if service_process(spec.socket) and answers(spec.socket, "/_ping"):
            return {}
        self.remove(spec)
        spec.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (spec.socket.parent / "service.log").open("ab") as log:
            subprocess.Popen(
                ["podman", "--runtime", spec.runtime, "system", "service", "--time", "0", f"unix://{spec.socket}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        if not wait_until(lambda: answers(spec.socket, "/_ping"), seconds=20):
            raise CommandError(f"podman's API did not answer on {spec.socket}: see {spec.socket.parent / 'service.log'}")
        return {}

    def look(self, spec: ContainerEngineSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {"running": service_process(spec.socket) is not None and answers(spec.socket, "/_ping")}

    def remove(self, spec: ContainerEngineSpec) -> None:
        end_service(spec.socket)
        spec.socket.unlink(missing_ok=True)


class ContainerEngine(MachineResource):
    """Podman's API: `socket`, and the `runtime` of what is started through it."""

    provider: ClassVar[MachineProvider] = ContainerEngineProvider()


def end_service(socket: Path) -> bool:
    """Ends the service that listens on `socket`; whether there was one."""
    pid = service_process(socket)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: service_process(socket) != pid, seconds=10):
            os.kill(pid, signal.SIGKILL)
    return True


def service_process(socket: Path) -> int | None:
    """The service's process id."""
    own = f"unix://{socket}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended
            continue
        if own in arguments and b"service" in arguments and Path(os.fsdecode(arguments[0])).name == "podman":
            return int(process.name)
    return None
