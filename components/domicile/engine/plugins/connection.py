"""What a provider is called through: a plugin's stub and its end. `PluginProcess` is a process of its own, called by gRPC."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from ..errors import PluginError
from ..plugins.locate import locate
from ..plugins.process import Child, Children
from ..project import Project
from .local_package import local_command

MOST_BYTES = 400 << 20  # of a message, as in the SDK
OPTIONS = [("grpc.max_receive_message_length", MOST_BYTES), ("grpc.max_send_message_length", MOST_BYTES)]
DYNAMIC = "pulumi-python"
_DYNAMIC_RESOURCES = Path(__file__).with_name("dynamic_resources.py")
BUILTIN = "pulumi"  # the engine is this provider itself
ANSWER_SECONDS = 10  # for the first answer at a plugin's port, as in the CLI
ANSWER_LOST_SECONDS = 1  # between a broken connection and the end of the process that held it
_UNREAD = ("Exception deserializing response", "Received message larger than max", "Stream removed", "RST_STREAM")  # gRPC's own words


class Connection(Protocol):
    @property
    def stub(self) -> Any:
        """Has ResourceProvider's methods: each takes its request, gives its answer or raises grpc.RpcError."""

    def said(self) -> str:
        """The plugin's last words, for the message of an error."""

    def close(self) -> None:
        """End the plugin; calls under way fail as CANCELLED or UNAVAILABLE."""


class PluginProcess:
    """`on_line` is given each line that it prints, with the name of the stream; dynamic resources' plugin loads `module` at once."""

    def __init__(
        self, project: Project, package: str, version: str, engine_address: str, on_line: Callable[[str, str], None], children: Children,
        module: str = "",
    ) -> None:  # fmt: skip
        command = _command(project, package, version, module)
        env = {**os.environ, "PULUMI_PROJECT": project.name, "PULUMI_ENGINE_ADDRESS": engine_address}
        self._child = Child([*command, engine_address], project.program_folder, env, on_line, children, f"provider {package}").serve()
        self._line = Line(self._child, provider_pb2_grpc.ResourceProviderStub)
        self.stub: Any = self._line.stub

    def said(self) -> str:
        gone = self._child.ended(ANSWER_LOST_SECONDS)
        return f"It {self._child.fate()}. {self._child.said()}" if gone else self._child.said()

    def close(self) -> None:
        self._line.close()
        self._child.stop()


def _command(project: Project, package: str, version: str, module: str) -> list[str]:
    if package == DYNAMIC:
        return [project.python, "-u", "-P", str(_DYNAMIC_RESOURCES), module]
    if package in project.packages:
        return local_command(project.packages[package], package)
    return [str(locate("resource", package, version, project.plugins))]


def lost(error: Any) -> bool:
    """Whether a gRPC call's answer never came, or couldn't be read: what was asked for may have been done."""
    cut_off = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    return cut_off or any(words in (error.details() or "") for words in _UNREAD)


class Line:
    """gRPC to a plugin that has said its port. Raises PluginError if nothing answers there."""

    def __init__(self, child: Child, stub: Callable[[grpc.Channel], Any]) -> None:
        self._child = child
        self._channel = grpc.insecure_channel(f"127.0.0.1:{child.port}", options=OPTIONS)
        try:
            grpc.channel_ready_future(self._channel).result(ANSWER_SECONDS)
        except grpc.FutureTimeoutError as e:
            self.close()
            child.stop()
            raise PluginError(f"{child.name} said port {child.port}, but nothing answers there. {child.said()}") from e
        self.stub = _Living(child, stub(self._channel))

    def close(self) -> None:
        self._channel.close()


class _Living:
    """A stub whose calls aren't begun if the plugin is gone already: then nothing is in doubt."""

    def __init__(self, child: Child, stub: Any) -> None:
        self._child, self._stub = child, stub

    def __getattr__(self, method: str) -> Any:
        if not self._child.alive:
            raise PluginError(f"{self._child.name} is gone before {method}: it {self._child.fate()}. {self._child.said()}")
        return getattr(self._stub, method)
