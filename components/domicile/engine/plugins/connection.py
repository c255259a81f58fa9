"""What a provider is called through: a plugin's stub and its end. `PluginProcess` is a process of its own, called by gRPC."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from ..errors import PluginError
from ..plugins.process import Child
from ..project import Project
from .local_package import local_command

OPTIONS = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]
DYNAMIC = "pulumi-python"


class Connection(Protocol):
    @property
    def stub(self) -> Any:
        """Has ResourceProvider's methods: each takes its request, gives its answer or raises grpc.RpcError."""

    def said(self) -> str:
        """The plugin's last words, for the message of an error."""

    def close(self) -> None:
        """End the plugin; calls under way fail as CANCELLED or UNAVAILABLE."""


class PluginProcess:
    """`on_line` is given each line that it prints, with the name of the stream."""

    def __init__(self, project: Project, package: str, version: str, engine_address: str, on_line: Callable[[str, str], None]) -> None:
        command = _command(project, package, version)
        env = {**os.environ, "PULUMI_PROJECT": project.name, "PULUMI_ENGINE_ADDRESS": engine_address}
        self._child = Child([*command, engine_address], project.program_folder, env, on_line, port_first=True)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._child.port}", options=OPTIONS)
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)

    def said(self) -> str:
        return self._child.said()

    def close(self) -> None:
        self._channel.close()
        self._child.stop()


def _command(project: Project, package: str, version: str) -> list[str]:
    if package == DYNAMIC:
        return [project.python, "-u", "-m", "pulumi.dynamic"]
    return local_command(project.packages[package], package) if package in project.packages else [find(package, version)]


def find(package: str, version: str) -> str:
    """The plugin's executable: of this version in $PULUMI_HOME/plugins, else on PATH, else the newest in $PULUMI_HOME/plugins."""
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi") / "plugins"
    name = f"pulumi-resource-{package}"
    exact = home / f"resource-{package}-v{version}" / name
    if version and exact.is_file():
        return str(exact)
    if on_path := shutil.which(name):
        return on_path
    newest = sorted((p / name for p in home.glob(f"resource-{package}-v*") if (p / name).is_file()), key=_by_version)
    if newest and not version:
        return str(newest[-1])
    wanted = f"{package} {version}".strip()
    raise PluginError(f"no plugin for provider {wanted}: put {name} on PATH, or into {exact.parent if version else home}")


def _by_version(path: Path) -> list[int]:
    return [int(x) for x in re.findall(r"\d+", path.parent.name)]
