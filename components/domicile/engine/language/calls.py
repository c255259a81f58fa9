"""The program's own way to the monitor for what every resource calls: a socket from each of its threads to a thread here.

By gRPC such a call wakes four threads on its way in and out, which costs more than all that is done for it. The program's other calls,
and those of plugins, are gRPC. No name and no port leads here: the program gets one end of a pair of sockets, and sends ends of more.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, NoReturn

import grpc
from google.protobuf.message import Message
from pulumi.runtime.proto import resource_pb2 as pb
from pulumi.runtime.proto.resource_pb2_grpc import ResourceMonitorServicer

from ..plugins.connection import MOST_BYTES

METHODS: dict[int, tuple[str, Callable[[bytes], Message]]] = {
    ord("R"): ("RegisterResource", pb.RegisterResourceRequest.FromString),
    ord("O"): ("RegisterResourceOutputs", pb.RegisterResourceOutputsRequest.FromString),
}
"""A call is one of these bytes, then its request's; the answer is the response's bytes."""


class Calls:
    """Serves a monitor until the program's end. `program_end` is for the child; closed here as soon as the child has it."""

    def __init__(self, monitor: ResourceMonitorServicer) -> None:
        self._monitor = monitor
        self._end, self.program_end = socket.socketpair()
        threading.Thread(target=self._accept, name="calls", daemon=True).start()

    def close(self) -> None:
        self.program_end.close()
        with suppress(OSError):  # the program is gone, and with it the other end
            self._end.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with self._end:
            while received := socket.recv_fds(self._end, 1, 1)[1]:
                threading.Thread(target=self._serve, args=(Connection(received[0]),), name="call", daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        with connection, suppress(EOFError, OSError, _Unanswered):  # the program, or its thread, is gone
            while call := connection.recv_bytes(MOST_BYTES):
                method, read = METHODS[call[0]]
                answer = getattr(self._monitor, method)(read(call[1:]), _CONTEXT)
                connection.send_bytes(answer.SerializeToString())


class _Unanswered(Exception):
    """There is no answer to this call, as the operation has ended."""


class _Context:
    """What the monitor uses of gRPC's."""

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise _Unanswered(details)


_CONTEXT: Any = _Context()
