"""The provider double: Pulumi's ResourceProvider service for any package whose SDK is installed, answering from a cloud on disk.

It translates between gRPC and `Double`, which does the work; one process a provider resource, as Pulumi starts them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2_grpc, status_pb2
from pulumi.runtime.proto import provider_pb2 as pb

from ..engine.values import dump, load
from .double import Double, subject
from .faults import Failed, Faults, Unready
from .types import Fault
from .world import Refused

_CODES = {Failed: grpc.StatusCode.UNKNOWN, Refused: grpc.StatusCode.FAILED_PRECONDITION}


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    def __init__(self, double: Double) -> None:
        self._double, self._faults, self._stopped = double, Faults(double.cloud), threading.Event()

    def _do(self, context: grpc.ServicerContext, operation: Any, type_: str, name: str, work: Callable[[], Any]) -> Any:
        """One call, between the faults that the plan has for it."""
        done: Any = None
        try:
            fault = self._faults.struck(operation, type_, name)
            self._faults.before(fault, self._stopped)
            done = work()
            self._faults.after(fault, self._stopped)
        except Unready as e:
            context.abort_with_status(_unready(done, str(e)))
        except (Failed, Refused) as e:
            context.abort(_CODES[type(e)], f"{operation} of {type_}: {e}")
        return done

    # -- the provider itself ------------------------------------------------------------------------------------------

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version=self._double.schema.version)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._stopped.set()
        return empty_pb2.Empty()

    def CheckConfig(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        return pb.CheckResponse(inputs=request.news, failures=_failures(self._double.check_configuration(load(request.news))))

    def DiffConfig(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:  # noqa: N802
        changed, replaces = self._double.configuration_difference(load(request.olds), load(request.news))
        return pb.DiffResponse(changes=_changes(changed), diffs=changed, replaces=replaces)

    def Configure(self, request: pb.ConfigureRequest, context: grpc.ServicerContext) -> pb.ConfigureResponse:  # noqa: N802
        name = f"pulumi:providers:{self._double.package.name}"
        self._do(context, "configure", name, "", lambda: self._double.configure(load(request.args)))
        return pb.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=False)

    # -- resources ----------------------------------------------------------------------------------------------------

    def Check(self, request: pb.CheckRequest, context: grpc.ServicerContext) -> pb.CheckResponse:  # noqa: N802
        def work() -> pb.CheckResponse:
            inputs, faults = self._double.check(request.urn, load(request.olds), load(request.news), request.randomSeed)
            return pb.CheckResponse(inputs=dump(inputs), failures=_failures(faults))

        done: pb.CheckResponse = self._do(context, "check", *subject(request.urn), work)
        return done

    def Diff(self, request: pb.DiffRequest, context: grpc.ServicerContext) -> pb.DiffResponse:  # noqa: N802
        def work() -> pb.DiffResponse:
            state, old, new = load(request.olds), load(request.old_inputs), load(request.news)
            found, first = self._double.difference(request.urn, state, old, new, set(request.ignoreChanges))
            detail = {path: pb.PropertyDiff(kind=getattr(pb.PropertyDiff, what), inputDiff=True) for path, what in found.detail.items()}
            return pb.DiffResponse(
                changes=_changes(found.keys), diffs=found.keys, replaces=found.replaces, detailedDiff=detail, hasDetailedDiff=True,
                deleteBeforeReplace=first,
            )  # fmt: skip

        done: pb.DiffResponse = self._do(context, "diff", *subject(request.urn), work)
        return done

    def Create(self, request: pb.CreateRequest, context: grpc.ServicerContext) -> pb.CreateResponse:  # noqa: N802
        if request.preview:
            return pb.CreateResponse(properties=dump(self._double.foreseen(request.urn, load(request.properties))))

        def work() -> pb.CreateResponse:
            id_, outputs = self._double.create(request.urn, load(request.properties))
            return pb.CreateResponse(id=id_, properties=dump(outputs))

        done: pb.CreateResponse = self._do(context, "create", *subject(request.urn), work)
        return done

    def Update(self, request: pb.UpdateRequest, context: grpc.ServicerContext) -> pb.UpdateResponse:  # noqa: N802
        if request.preview:
            return pb.UpdateResponse(properties=dump(self._double.foreseen(request.urn, load(request.news), load(request.olds))))

        def work() -> pb.UpdateResponse:
            return pb.UpdateResponse(properties=dump(self._double.update(request.urn, request.id, load(request.news))))

        done: pb.UpdateResponse = self._do(context, "update", *subject(request.urn), work)
        return done

    def Read(self, request: pb.ReadRequest, context: grpc.ServicerContext) -> pb.ReadResponse:  # noqa: N802
        def work() -> pb.ReadResponse:
            found = self._double.read(request.urn, request.id, load(request.inputs), load(request.properties))
            if found is None:
                return pb.ReadResponse()
            id_, inputs, outputs = found
            return pb.ReadResponse(id=id_, inputs=dump(inputs), properties=dump(outputs))

        done: pb.ReadResponse = self._do(context, "read", *subject(request.urn), work)
        return done

    def Delete(self, request: pb.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        def work() -> empty_pb2.Empty:
            self._double.delete(request.urn, request.id, load(request.properties))
            return empty_pb2.Empty()

        done: empty_pb2.Empty = self._do(context, "delete", *subject(request.urn), work)
        return done

    def Invoke(self, request: pb.InvokeRequest, context: grpc.ServicerContext) -> pb.InvokeResponse:  # noqa: N802
        def work() -> pb.InvokeResponse:
            faults, result = self._double.invoke(request.tok, load(request.args))
            return pb.InvokeResponse(**{"return": dump(result), "failures": _failures(faults)})  # type: ignore[arg-type]

        done: pb.InvokeResponse = self._do(context, "invoke", request.tok, "", work)
        return done


class _Status(grpc.Status):
    def __init__(self, message: str, detail: pb.ErrorResourceInitFailed) -> None:
        status = status_pb2.Status(code=2, message=message)
        status.details.add().Pack(detail)
        self.code, self.details = grpc.StatusCode.UNKNOWN, message
        self.trailing_metadata = (("grpc-status-details-bin", status.SerializeToString()),)


def _unready(done: Any, reason: str) -> _Status:
    """The answer for a thing that was made or changed and isn't ready: `done` is the answer that it would have been."""
    return _Status(reason, pb.ErrorResourceInitFailed(id=getattr(done, "id", ""), properties=done.properties, reasons=[reason]))


def _failures(faults: list[Fault]) -> list[pb.CheckFailure]:
    return [pb.CheckFailure(property=f.path, reason=f.reason) for f in faults]


def _changes(keys: list[str]) -> pb.DiffResponse.DiffChanges.ValueType:
    return pb.DiffResponse.DIFF_SOME if keys else pb.DiffResponse.DIFF_NONE
