"""Serves a monitor over gRPC on a loopback port of its own, for the program and the plugins of one operation."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import grpc
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from ..plugins.connection import OPTIONS
from .monitor import Monitor

THREADS = 512  # each registration holds one while its step runs


class Service:
    """`loads` is told of each provider's SDK that the program begins to load (package and version), and of its first dynamic resource's
    provider: the module of its class, too."""

    def __init__(self, monitor: Monitor, loads: Callable[[str, str, str], None]) -> None:
        self._monitor = monitor
        self._server = grpc.server(ThreadPoolExecutor(THREADS, "monitor"), options=OPTIONS)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, self._server)
        engine_pb2_grpc.add_EngineServicer_to_server(monitor, self._server)
        self._server.add_generic_rpc_handlers((_own(loads),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def close(self) -> None:
        self._monitor.end()
        self._server.stop(None).wait()


def _own(loads: Callable[[str, str, str], None]) -> grpc.GenericRpcHandler[bytes, bytes]:
    """What `run_program` tells the engine beside Pulumi's own calls: `/domicile.Program/Loads`, a JSON list of what `loads` takes."""

    def told(request: bytes, _context: grpc.ServicerContext) -> bytes:
        loads(*json.loads(request))
        return b""

    return grpc.method_handlers_generic_handler("domicile.Program", {"Loads": grpc.unary_unary_rpc_method_handler(told)})
