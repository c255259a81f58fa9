"""A container of the stack's own services, run by podman."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from domicile.machine.command import CommandError, last_words, run, succeeds
from domicile.machine.resource import MachineProvider, MachineResource, Spec
from domicile.machine.waiting import answers, wait_until

SPEC_LABEL = "domicile.spec"
READY_SECONDS = 60
RESTARTS = 3
"""A service that was started anew this often before it got ready will not."""


class Mount(BaseModel):
    """A path of the machine, mounted at the same path in the container."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    writable: bool = False
    shared: bool = False
    """Mounts that the container makes below it are seen by the machine (the dispatcher's network namespaces)."""


class ContainerSpec(Spec):
    """A service: read-only root, no capability but those named, no new privileges, restarted when it fails.

    `namespace` is a named network namespace; "" gives a loopback and nothing else. `revision` is what the service was
    configured with: a change makes a new container. `ready` is a Unix socket that must answer a GET of `ready_path`
    before the resource counts as made. `handover` is a signal that makes it end at once and leave its work to the
    container that replaces it; without one it is stopped as when it is removed.
    """

    name: str
    image: str
    command: list[str] = []
    user: str
    namespace: str
    resolvers: list[str] = []
    mounts: list[Mount] = []
    capabilities: list[str] = []
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}
    memory_bytes: int
    pids: int = 512
    open_files: int = 4096
    tmp_bytes: int = 64 << 20
    stop_seconds: int = 10
    runtime: str = "runc"
    seccomp_profile: Path | None = None
    ready: Path | None = None
    ready_path: str = "/healthz"
    handover: str = ""
    revision: str = ""
    running: bool = True


class ContainerProvider(MachineProvider):
    """A change stops the old container and starts a new one of the same name."""

    spec = ContainerSpec
    replaces = frozenset({"name"})

    def identity(self, spec: ContainerSpec) -> str:
        return spec.name

    def ensure(self, spec: ContainerSpec) -> Mapping[str, Any]:
        found = _inspect(spec.name)
        if found is not None and found["labels"].get(SPEC_LABEL) != _digest(spec):
            self._replace(spec, found["running"])
            found = None
        if found is None:
            run("podman", "create", *_arguments(spec))
        if found is None or not found["running"]:
            run("podman", "start", spec.name)
        self._await_ready(spec)
        return {}

    def look(self, spec: ContainerSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        found = _inspect(spec.name)
        if found is None:
            return None
        changed = {} if found["labels"].get(SPEC_LABEL) == _digest(spec) else {"revision": found["labels"].get(SPEC_LABEL, "")}
        return {"running": found["running"], **changed}

    def remove(self, spec: ContainerSpec) -> None:
        if succeeds("podman", "container", "exists", spec.name):
            run("podman", "rm", "--force", "--time", str(spec.stop_seconds), spec.name, timeout_seconds=spec.stop_seconds + 60)

    def _replace(self, spec: ContainerSpec, running: bool) -> None:
        if spec.handover and running:
            run("podman", "kill", "--signal", spec.handover, spec.name)
            wait_until(lambda: not (_inspect(spec.name) or {"running": False})["running"], seconds=spec.stop_seconds)
        self.remove(spec)

    def _await_ready(self, spec: ContainerSpec) -> None:
        ready = spec.ready
        if ready is None:
            return
        wait_until(lambda: answers(ready, spec.ready_path) or _fails(spec.name), seconds=READY_SECONDS)
        if answers(ready, spec.ready_path):
            return
        said = last_words(spec.name)
        self.remove(spec)  # a failed create is not in the stack's state: nobody else would remove it
        raise CommandError(f"{spec.name} did not get ready (no answer on {ready}); its last words:\n{said}")


class Container(MachineResource):
    """A container: the fields of `ContainerSpec`."""

    provider: ClassVar[MachineProvider] = ContainerProvider()


def _fails(name: str) -> bool:
    found = json.loads(run("podman", "container", "inspect", name))[0]
    return int(found["RestartCount"]) >= RESTARTS


def _arguments(spec: ContainerSpec) -> list[str]:
    hard_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = spec.open_files if hard_files == resource.RLIM_INFINITY else min(spec.open_files, hard_files)
    return [
        *("--name", spec.name, "--runtime", spec.runtime, "--restart", "on-failure", "--pull", "never", "--read-only"),
        *("--user", spec.user, "--cap-drop", "all", *(f"--cap-add={name}" for name in spec.capabilities)),
        *("--security-opt", "no-new-privileges", *_seccomp(spec)),
        *("--network", f"ns:/run/netns/{spec.namespace}" if spec.namespace else "none", "--no-hosts", "--hostname", spec.name),
        *(f"--dns={address}" for address in spec.resolvers),
        *("--memory", str(spec.memory_bytes), "--pids-limit", str(spec.pids)),
        *("--ulimit", f"nofile={files}:{files}", "--ulimit", "nproc=4096:4096", "--ulimit", "core=0:0"),
        *("--tmpfs", f"/tmp:rw,nosuid,nodev,noexec,size={spec.tmp_bytes},mode=1777"),  # noqa: S108 a tmpfs of the container's own
        *("--log-driver", "k8s-file", "--log-opt", "max-size=10mb", "--stop-timeout", str(spec.stop_seconds)),
        *(f"--env={key}={value}" for key, value in sorted(spec.environment.items())),
        *(f"--label={key}={value}" for key, value in sorted(spec.labels.items())),
        *("--label", f"{SPEC_LABEL}={_digest(spec)}"),
        *(f"--mount={_mount(mount)}" for mount in spec.mounts),
        spec.image,
        *spec.command,
    ]


def _seccomp(spec: ContainerSpec) -> list[str]:
    return ["--security-opt", f"seccomp={spec.seccomp_profile}"] if spec.seccomp_profile else []


def _mount(mount: Mount) -> str:
    options = ["type=bind", f"source={mount.path}", f"destination={mount.path}"]
    if not mount.writable:
        options.append("readonly=true")
    if mount.shared:
        options.append("bind-propagation=rshared")
    return ",".join(options)


def _digest(spec: ContainerSpec) -> str:
    whole = spec.model_dump(mode="json", exclude={"ready", "ready_path", "running"})
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _inspect(name: str) -> dict[str, Any] | None:
    if not succeeds("podman", "container", "exists", name):
        return None
    found = json.loads(run("podman", "container", "inspect", name))[0]
    return {"running": bool(found["State"]["Running"]), "labels": found["Config"]["Labels"] or {}}
