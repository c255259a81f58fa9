"""Runs one Pulumi program against the engine, in a process of its own: what the CLI's Python language host does, and no more.

Started by `program` as a plain script; the job comes as JSON on its input, so that no secret stands in arguments or environment.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import runpy
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import PathFinder
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import grpc
import pulumi
import pulumi.runtime
from google.protobuf import empty_pb2
from google.protobuf.message import Message
from pulumi.runtime import Settings, configure, get_root_resource, run_in_stack
from pulumi.runtime import resource as registrations
from pulumi.runtime.config import set_all_config
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc, source_pb2
from pulumi.runtime.settings import SETTINGS

_OPTIONS = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]  # as the SDK's own
_LOOK_SECONDS = 0.2  # between two looks at whether something in the program has failed


class Engine:
    """The engine as the program calls it, spared the SDK's debug lines: no display shows them, and the program's loop waits for each."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub: Any = engine_pb2_grpc.EngineStub(channel)
        self._loads = channel.unary_unary("/domicile.Program/Loads", None, None)
        self._told: set[tuple[str, str]] = set()
        self._under_way: list[Any] = []  # a call that nobody holds is cancelled

    def __getattr__(self, method: str) -> Any:
        return getattr(self._stub, method)

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty() if request.severity == engine_pb2.DEBUG else self._stub.Log(request)

    def loads(self, package: str, version: str, module: str = "") -> None:
        """This provider's plugin will be asked for, and for this module there: it can start meanwhile. No answer is waited for."""
        if (package, version) in self._told:
            return
        self._told.add((package, version))
        self._under_way.append(self._loads.future(json.dumps([package, version, module]).encode()))


class Monitor:
    """The monitor as the program calls it: what every resource calls goes by a socket that the calling thread has for itself.

    `end` is the one that the engine gave; it serves each that is sent there.
    """

    def __init__(self, channel: grpc.Channel, end: socket.socket) -> None:
        self._stub: Any = resource_pb2_grpc.ResourceMonitorStub(channel)
        self._end, self._own = end, threading.local()

    def __getattr__(self, method: str) -> Any:
        return getattr(self._stub, method)

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:  # noqa: N802
        if request.type == "pulumi:pulumi:Stack":  # it comes as invokes do: after one that was begun before it, which may end it all
            registered: resource_pb2.RegisterResourceResponse = self._stub.RegisterResource(request)
            return registered
        return resource_pb2.RegisterResourceResponse.FromString(self._call(b"R", request))

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty.FromString(self._call(b"O", request))

    def _call(self, method: bytes, request: Message) -> bytes:
        try:
            connection = self._own.connection
        except AttributeError:
            connection = self._own.connection = self._connected()
        try:
            connection.send_bytes(method + request.SerializeToString())
            answer: bytes = connection.recv_bytes()
        except (EOFError, OSError) as e:
            raise pulumi.RunError("the engine is gone") from e
        return answer

    def _connected(self) -> Connection:
        mine, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._end, [b"."], [theirs.fileno()])
        return Connection(mine.detach())


def _tell_of_dynamic_resources(tell: Callable[[str, str, str], None]) -> None:
    """Tell of their plugin as soon as there is one: by the time it is registered, with all that it leans on, the plugin runs."""
    dynamic: Any = pulumi.dynamic.Resource
    make = dynamic.__init__

    def made(self: Any, provider: Any, *arguments: Any, **named: Any) -> None:
        tell("pulumi-python", "", type(provider).__module__)
        make(self, provider, *arguments, **named)

    dynamic.__init__ = made


class Sdks:
    """Finds no module: it tells of the providers whose SDKs are looked for, by what a generated SDK says of itself."""

    def __init__(self, tell: Callable[[str, str], None]) -> None:
        self._tell = tell

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if path is not None or not name.startswith("pulumi_"):
            return
        spec = PathFinder.find_spec(name)
        plugin = Path(spec.origin).with_name("pulumi-plugin.json") if spec and spec.origin else None
        if plugin and plugin.is_file():
            said = json.loads(plugin.read_text())
            if said.get("resource") and said.get("name") and "parameterization" not in said:
                self._tell(said["name"], said.get("version") or "")


async def _registered() -> None:
    """Wait until every registration is answered, or something has failed; the SDK's own wait, which follows, then has little left.

    By itself that one looks at all unresolved outputs anew whenever one resolves: time that grows with the square of the resources.
    It raises what has failed, once there is no call that it would await first. A program that has given `pulumi.run` a coroutine isn't
    waited for: answers may hang on that.
    """
    calls = SETTINGS.rpc_manager.rpcs
    await asyncio.sleep(0)  # each registration notes itself here once it runs
    if getattr(get_root_resource(), "_async_program", None) is not None:
        return
    while under_way := [call for call in calls if not call.done()]:
        await asyncio.wait(under_way, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_EXCEPTION)
        if any(each.done() and (each.cancelled() or each.exception()) for each in (*calls, *SETTINGS.outputs)):
            calls.clear()


def main() -> int:
    job = json.load(sys.stdin)
    channel = grpc.insecure_channel(job["address"], options=_OPTIONS)
    engine = Engine(channel)
    os.set_inheritable(job["calls"], False)
    monitor = Monitor(channel, socket.socket(fileno=job["calls"]))
    configure(
        Settings(
            project=job["project"], stack=job["stack"], monitor=monitor, engine=engine, parallel=job["parallel"],
            dry_run=job["dry_run"], organization="organization", root_directory=job["root"],
        )
    )  # fmt: skip
    set_all_config(job["config"], job["secret_keys"])
    # Where in the program each resource stands, frame by frame, is a third of what a registration costs here; this engine keeps none of it.
    registrations._get_stack_trace = source_pb2.StackTrace
    sys.meta_path.insert(0, Sdks(engine.loads))
    _tell_of_dynamic_resources(engine.loads)
    sys.argv = [job["program"]]
    sys.path.insert(0, job["folder"])
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(4 * job["parallel"]))  # as many calls at once as the CLI's host allows (3.272)
    asyncio.set_event_loop(loop)
    gc.freeze()  # what is imported stays: no collection looks at it again
    gc.set_threshold(300_000, 20, 100)  # and few look at what is registered, which stays too: a quarter of the SDK's own time goes there

    async def program() -> None:
        runpy.run_path(job["program"], run_name="__main__")
        await _registered()

    try:
        loop.run_until_complete(run_in_stack(program))
    except pulumi.RunError as e:
        pulumi.log.error(str(e))
        return 1
    except Exception:
        pulumi.log.error("Program failed with an unhandled exception:\n" + traceback.format_exc())
        return 32
    return 0


if __name__ == "__main__":
    code = main()
    gc.freeze()  # all that is left goes with the process: no last collection needs to look at it
    sys.exit(code)
