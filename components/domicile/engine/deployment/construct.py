"""Components of other processes: their provider constructs them, and registers them and their children with the engine itself.

Methods of such components too. Called by the monitor, outside the registrar's turn: what is constructed has its own turns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import errors_pb2, provider_pb2, status_pb2
from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.gate import Gate, Stopping
from ..deployment.registrar import Registrar
from ..errors import EngineError
from ..plugins.analyzer import Setting
from ..plugins.provider import Provider
from ..state.snapshot import PROVIDER_TYPE
from ..values import dependencies_in, dump, load
from . import goal

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Constructed:
    urn: str
    outputs: struct_pb2.Struct
    dependencies: dict[str, list[str]]  # output -> URNs


class Components:
    def __init__(self, registrar: Registrar, setting: Setting, parallel: int, gate: Gate) -> None:
        self._registrar, self._gate = registrar, gate
        self._told: dict[str, Any] = {  # what a provider is told of the operation
            "project": setting.project, "stack": setting.stack, "organization": "organization", "config": setting.config.values,
            "configSecretKeys": sorted(setting.config.secret_keys), "dryRun": setting.preview, "parallel": parallel,
            "monitorEndpoint": setting.engine_address, "accepts_output_values": True,
        }  # fmt: skip

    def construct(self, q: pb.RegisterResourceRequest) -> Constructed:
        """Have the component's provider construct it. Raises EngineError with what the constructor raised."""
        goal.refuse_unsupported(q)
        provider = self._registrar.provider(q.provider or self._registrar.default_provider(q.type.split(":")[0], q.version))
        done = self._asked(f"{q.type} {q.name!r}", lambda: provider.construct(self._request(q)))
        return Constructed(done.urn, *_answered(done.state, done.stateDependencies))

    def call(self, q: pb.ResourceCallRequest) -> provider_pb2.CallResponse:
        """Call a component's or a provider's method. Raises EngineError with what it raised; failed checks are in the answer."""
        dependencies = {k: provider_pb2.CallRequest.ArgumentDependencies(urns=v.urns) for k, v in q.argDependencies.items()}
        request = provider_pb2.CallRequest(tok=q.tok, args=q.args, argDependencies=dependencies, **self._told)
        provider = self._provider(q)
        done = self._asked(f"calling {q.tok}", lambda: provider.call(request))
        outputs, leaning = _answered(getattr(done, "return"), done.returnDependencies)
        return provider_pb2.CallResponse(
            **{"return": outputs}, failures=done.failures,
            returnDependencies={k: provider_pb2.CallResponse.ReturnDependencies(urns=urns) for k, urns in leaning.items()},
        )  # fmt: skip

    def _provider(self, q: pb.ResourceCallRequest) -> Provider:
        """A method of a provider itself is called on that very one; any other on the one that is asked for, or the default one."""
        if q.tok.startswith(PROVIDER_TYPE):
            self_ = load(q.args).get("__self__") or {}
            return self._registrar.provider(f"{self_.get('urn')}::{self_.get('id')}")
        return self._registrar.provider(q.provider or self._registrar.default_provider(q.tok.split(":")[0], q.version))

    def _asked(self, what: str, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except EngineError as e:
            if self._gate.stopped:  # one of its children has failed, and that is told; or all is being ended
                raise Stopping from e
            raise EngineError(f"{what}: {_reasons(e)}") from e

    def _request(self, q: pb.RegisterResourceRequest) -> provider_pb2.ConstructRequest:
        kind = provider_pb2.ConstructRequest
        request = kind(
            type=q.type, name=q.name, parent=q.parent, inputs=q.object, providers=q.providers, dependencies=q.dependencies,
            inputDependencies={k: kind.PropertyDependencies(urns=v.urns) for k, v in q.propertyDependencies.items()},
            additionalSecretOutputs=q.additionalSecretOutputs, deletedWith=q.deletedWith, ignoreChanges=q.ignoreChanges,
            replaceOnChanges=q.replaceOnChanges, **self._told,
        )  # fmt: skip
        for field in ("protect", "retainOnDelete"):
            if q.HasField(field):
                setattr(request, field, getattr(q, field))
        if q.deleteBeforeReplaceDefined:
            request.deleteBeforeReplace = q.deleteBeforeReplace
        if q.HasField("customTimeouts"):
            request.customTimeouts.CopyFrom(kind.CustomTimeouts(**{f.name: v for f, v in q.customTimeouts.ListFields()}))
        if q.HasField("hooks"):
            request.resource_hooks.CopyFrom(kind.ResourceHooksBinding(**{f.name: v for f, v in q.hooks.ListFields()}))
        return request


def _answered(outputs: struct_pb2.Struct, told: Mapping[str, Any]) -> tuple[struct_pb2.Struct, dict[str, list[str]]]:
    """A provider's outputs without output values, and what each depends on: as it says, and as its output values do."""
    leaning = {k: {*told[k].urns} if k in told else set() for k in outputs.fields}
    return dump(load(outputs)), {k: sorted(urns | dependencies_in(outputs.fields[k])) for k, urns in leaning.items()}


def _reasons(error: EngineError) -> str:
    """What a constructor raised: the inputs that it refuses, by name, or its own words and where in it they come from."""
    cause: Any = error.__cause__
    refused = errors_pb2.InputPropertiesError()
    metadata: Any = (cause.trailing_metadata() or ()) if isinstance(cause, grpc.RpcError) else ()
    for detail in (x for key, value in metadata if key == "grpc-status-details-bin" for x in status_pb2.Status.FromString(value).details):
        if detail.Is(refused.DESCRIPTOR):
            detail.Unpack(refused)
    said = str(error).removeprefix("Unexpected <class 'Exception'>: ").rstrip()
    return "; ".join([*([said] if said else []), *(f"input {e.property_path!r}: {e.reason}" for e in refused.errors)])
