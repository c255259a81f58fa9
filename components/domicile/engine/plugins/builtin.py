"""The provider `pulumi`, which is the engine itself: it reads the outputs of other stacks of the same backend.

It is called as any plugin is, but within this process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
from pulumi.runtime.proto import provider_pb2 as pb

from ..values import Properties, Secret, any_in, dump, load

STACK_REFERENCE = "pulumi:pulumi:StackReference"
READ_STACK_OUTPUTS = "pulumi:pulumi:readStackOutputs"


class RefusedError(grpc.RpcError):
    """A call that the built-in provider doesn't do, in the form that a plugin would refuse it in."""

    def __init__(self, status: grpc.StatusCode, message: str) -> None:
        self._status, self._message = status, message
        super().__init__(message)

    def code(self) -> grpc.StatusCode:
        return self._status

    def details(self) -> str:
        return self._message

    def trailing_metadata(self) -> tuple[()]:
        """Nothing beside the message."""
        return ()


class Builtin:
    """`outputs_of` gives the outputs of the stack that a reference names, or raises EngineError."""

    def __init__(self, outputs_of: Callable[[str], Properties]) -> None:
        self._outputs_of = outputs_of

    @property
    def stub(self) -> Any:
        return self

    def said(self) -> str:
        return ""

    def close(self) -> None:
        """Nothing: it is no process."""

    def CheckConfig(self, request: pb.CheckRequest) -> pb.CheckResponse:  # noqa: N802
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: pb.DiffRequest) -> pb.DiffResponse:  # noqa: N802
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_NONE)

    def Configure(self, request: pb.ConfigureRequest) -> pb.ConfigureResponse:  # noqa: N802
        return pb.ConfigureResponse(acceptSecrets=True, acceptResources=True, supportsPreview=True)

    def Read(self, request: pb.ReadRequest) -> pb.ReadResponse:  # noqa: N802
        if request.type != STACK_REFERENCE:
            raise RefusedError(grpc.StatusCode.UNKNOWN, f"unrecognized resource type '{request.type}'; use a type of a provider's package")
        found = self._reference(load(request.inputs))
        return pb.ReadResponse(id=request.id, inputs=request.inputs, properties=dump(found))

    def Invoke(self, request: pb.InvokeRequest) -> pb.InvokeResponse:  # noqa: N802
        if request.tok != READ_STACK_OUTPUTS:
            raise RefusedError(
                grpc.StatusCode.UNKNOWN, f"unrecognized function name: '{request.tok}'; this engine has {READ_STACK_OUTPUTS}"
            )
        answer = pb.InvokeResponse()
        getattr(answer, "return").CopyFrom(dump(self._reference(load(request.args))))
        return answer

    def _reference(self, inputs: Properties) -> Properties:
        name = inputs.get("name")
        if not isinstance(name, str):
            raise RefusedError(grpc.StatusCode.INVALID_ARGUMENT, "a stack reference needs the property 'name': the stack's name")
        outputs = self._outputs_of(name)
        secrets = sorted(k for k, v in outputs.items() if any_in(v, lambda x: isinstance(x, Secret)))
        return {"name": name, "outputs": outputs, "secretOutputNames": secrets}
