"""Functions of the program that the engine calls: transforms and hooks, by the Callbacks service that the SDK serves for them."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from pulumi.runtime.proto import callback_pb2 as pb
from pulumi.runtime.proto import callback_pb2_grpc

from ..errors import EngineError
from ..plugins.connection import OPTIONS

Answer = TypeVar("Answer", bound=Message)


class CallbackError(EngineError):
    """A function of the program raised, or the program is gone."""


class Callbacks:
    """Channels to the processes whose functions are called: the program's, and those of component providers."""

    def __init__(self) -> None:
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()

    def call(self, what: str, callback: pb.Callback, request: Message, answer: type[Answer]) -> Answer:
        """Call the function and give its answer; CallbackError with what it raised, and `what` it is to a user."""
        stub: Any = callback_pb2_grpc.CallbacksStub(self._channel(callback.target))
        try:
            done = stub.Invoke(pb.CallbackInvokeRequest(token=callback.token, request=request.SerializeToString()))
        except grpc.RpcError as e:
            said = (e.details() or str(e.code())).removeprefix(f"Invoke callback {callback.token} error: ")
            raise CallbackError(f"{what} failed: {said}") from e
        return answer.FromString(done.response)

    def _channel(self, target: str) -> grpc.Channel:
        with self._lock:
            if target not in self._channels:
                self._channels[target] = grpc.insecure_channel(target, options=OPTIONS)
            return self._channels[target]

    def close(self) -> None:
        for channel in self._channels.values():
            channel.close()
