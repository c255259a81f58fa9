"""Pulumi's own ResourceMonitor and Engine, as the unmodified program calls them. It translates, and decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import callback_pb2, engine_pb2_grpc, provider_pb2, resource_pb2_grpc
from pulumi.runtime.proto import engine_pb2 as epb
from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.construct import Components
from ..deployment.gate import Gate, Stopping
from ..deployment.hooks import Hooks
from ..deployment.registrar import Registrar
from ..errors import EngineError, ResourceError, UnsupportedError
from ..events import Journal
from ..state.snapshot import Resource
from ..values import UNKNOWN, dump, load
from .callbacks import Callbacks
from .hooks import error_hook, resource_hook
from .requests import Requests

# What the SDK may use. It sends requests with features that are refused only if it believes in them; without, it would tell the
# user to update the Pulumi CLI. So what isn't done is announced too, and refused by name when it is asked for.
FEATURES = [
    pb.RESOURCE_MONITOR_FEATURE_SECRETS, pb.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES, pb.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    pb.RESOURCE_MONITOR_FEATURE_DELETED_WITH, pb.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER, pb.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    pb.RESOURCE_MONITOR_FEATURE_TRANSFORMS, pb.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS, pb.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    pb.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS, pb.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS, pb.RESOURCE_MONITOR_FEATURE_STATE_MIGRATIONS,
]  # fmt: skip
_SEVERITY: dict[int, Literal["debug", "info", "warning", "error"]] = {
    epb.DEBUG: "debug", epb.INFO: "info", epb.WARNING: "warning", epb.ERROR: "error",
}  # fmt: skip


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Answers for one operation, to whoever serves it; `attach` gives it the registrar once there is one."""

    def __init__(self, gate: Gate, journal: Journal, hooks: Hooks, preview: bool, parallel: int) -> None:
        self._gate, self._journal, self._hooks, self._preview, self._parallel = gate, journal, hooks, preview, parallel
        self._registrar: Registrar | None = None
        self._components: Components | None = None
        self._on_success: Callable[[], None] = lambda: None
        self._callbacks = Callbacks()
        self._requests = Requests(self._callbacks)
        self._ended = threading.Event()

    def attach(self, registrar: Registrar, components: Components, on_success: Callable[[], None]) -> None:
        """`on_success` does what is left to do once the program says that it has succeeded; it is kept alive as long."""
        self._registrar, self._components, self._on_success = registrar, components, on_success

    def end(self) -> None:
        """The program is gone: nobody waits for an answer any more."""
        self._ended.set()

    def close(self) -> None:
        """Nobody calls it any more, and it calls nobody."""
        self._callbacks.close()

    @property
    def registrar(self) -> Registrar:
        assert self._registrar is not None  # noqa: S101 attached before the program starts
        return self._registrar

    @property
    def components(self) -> Components:
        assert self._components is not None  # noqa: S101 attached before the program starts
        return self._components

    def _try(self, context: grpc.ServicerContext, work: Callable[[], Any]) -> Any:
        """Answer with what `work` gives. A failure ends the operation: the program gets no answer, and is ended once all is quiet."""
        try:
            return work()
        except Stopping:
            self._stay_silent(context)
        except EngineError as e:
            if not e.told:
                e.told = True
                self._journal.log(_told(e), "error", e.urn if isinstance(e, ResourceError) else "")
            self._gate.stop()
            self._stay_silent(context)
        except Exception as e:  # a fault of the engine itself must end the operation too, and be seen
            self._journal.log(f"the engine failed: {type(e).__name__}: {e}; this is a fault to be reported", "error")
            self._gate.stop()
            self._ended.wait()
            raise

    def _stay_silent(self, context: grpc.ServicerContext) -> NoReturn:
        self._ended.wait()
        context.abort(grpc.StatusCode.UNAVAILABLE, "the operation has ended")
        raise AssertionError  # abort raises

    # -- ResourceMonitor ----------------------------------------------------------------------------------------------

    def GetDeploymentInfo(self, request: Any, context: grpc.ServicerContext) -> pb.DeploymentInfo:  # noqa: N802
        return pb.DeploymentInfo(
            project=self.registrar.project, stack=self.registrar.stack, organization="organization", dryRun=self._preview,
            parallel=self._parallel, supportedFeatures=FEATURES,
        )  # fmt: skip

    def SupportsFeature(self, request: pb.SupportsFeatureRequest, context: grpc.ServicerContext) -> pb.SupportsFeatureResponse:  # noqa: N802
        return pb.SupportsFeatureResponse(hasSupport=request.id in ("secrets", "resourceReferences", "aliasSpecs", "deletedWith"))

    def RegisterResource(self, request: pb.RegisterResourceRequest, context: grpc.ServicerContext) -> pb.RegisterResourceResponse:  # noqa: N802
        if request.remote:
            constructed: pb.RegisterResourceResponse = self._try(context, lambda: self._construct(request))
            return constructed
        made = self._try(context, lambda: self._register(request))
        # A component's outputs may mention resources that aren't registered yet: they come with RegisterResourceOutputs.
        outputs = made.outputs if made.custom else {}
        return pb.RegisterResourceResponse(
            urn=made.urn, id="" if made.id == UNKNOWN else made.id, object=dump(outputs), unknown=self.registrar.skipped(made.urn),
            result=pb.FAIL if self.registrar.failed(made.urn) else pb.SUCCESS,
        )  # fmt: skip

    def _register(self, request: pb.RegisterResourceRequest) -> Resource:
        finished = self._requests.finished(request)
        made = self.registrar.register(finished)
        self._requests.registered(made.urn, finished)
        return made

    def _construct(self, request: pb.RegisterResourceRequest) -> pb.RegisterResourceResponse:
        finished = self._requests.finished(request)
        done = self.components.construct(finished)
        self._requests.registered(done.urn, finished)
        leaning = {k: pb.RegisterResourceResponse.PropertyDependencies(urns=urns) for k, urns in done.dependencies.items()}
        return pb.RegisterResourceResponse(urn=done.urn, object=done.outputs, propertyDependencies=leaning)

    def RegisterResourceOutputs(self, request: pb.RegisterResourceOutputsRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._try(context, lambda: self.registrar.outputs(request.urn, load(request.outputs)))
        return empty_pb2.Empty()

    def ReadResource(self, request: pb.ReadResourceRequest, context: grpc.ServicerContext) -> pb.ReadResourceResponse:  # noqa: N802
        found = self._try(context, lambda: self.registrar.read(request))
        failed = self.registrar.failed(found.urn)
        return pb.ReadResourceResponse(
            urn=found.urn, id="" if found.id == UNKNOWN else found.id, properties=dump(found.outputs), unknown=failed,
            result=pb.FAIL if failed else pb.SUCCESS,
        )  # fmt: skip

    def Invoke(self, request: pb.ResourceInvokeRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        if request.packageRef:
            self._refuse(context, "a parameterized or local package", request.tok)

        def transformed() -> tuple[pb.ResourceInvokeRequest, str]:
            q = self._requests.invoke(request)
            return q, q.provider or self.registrar.default_provider(q.tok.split(":")[0], q.version)

        q, reference = self._try(context, transformed)
        try:
            provider = self.registrar.provider(reference)
            return provider.invoke(provider_pb2.InvokeRequest(tok=q.tok, args=q.args, preview=self._preview))
        except EngineError as e:  # the program may handle it: an invoke's failure is its own
            context.abort(grpc.StatusCode.UNKNOWN, f"invoking {request.tok}: {e}")

    def Call(self, request: pb.ResourceCallRequest, context: grpc.ServicerContext) -> provider_pb2.CallResponse:  # noqa: N802
        if request.packageRef:
            self._refuse(context, "a parameterized or local package", request.tok)
        done: provider_pb2.CallResponse = self._try(context, lambda: self.components.call(request))
        return done

    def ExistsResource(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return self._refuse(context, "asking whether a resource exists", request.type)

    def RegisterStackTransform(self, request: callback_pb2.Callback, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._requests.transform_all(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: callback_pb2.Callback, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._requests.transform_invokes(request)
        return empty_pb2.Empty()

    def RegisterResourceHook(self, request: pb.RegisterResourceHookRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._try(context, lambda: self._hooks.register(resource_hook(self._callbacks, request)))
        return empty_pb2.Empty()

    def RegisterErrorHook(self, request: pb.RegisterErrorHookRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._try(context, lambda: self._hooks.register(error_hook(self._callbacks, request)))
        return empty_pb2.Empty()

    def RegisterPackage(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return self._refuse(context, f"the parameterized package {request.name!r}")

    def SignalAndWaitForShutdown(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._try(context, self._on_success)
        return empty_pb2.Empty()

    def _refuse(self, context: grpc.ServicerContext, feature: str, where: str = "") -> Any:
        def work() -> NoReturn:
            raise UnsupportedError(feature, where)

        return self._try(context, work)

    # -- Engine -------------------------------------------------------------------------------------------------------

    def Log(self, request: epb.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802
        self._journal.log(request.message, _SEVERITY.get(request.severity, "info"), request.urn)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: grpc.ServicerContext) -> epb.GetRootResourceResponse:  # noqa: N802
        return epb.GetRootResourceResponse(urn=self.registrar.root)

    def SetRootResource(self, request: Any, context: grpc.ServicerContext) -> epb.SetRootResourceResponse:  # noqa: N802
        return epb.SetRootResourceResponse()

    def RequirePulumiVersion(self, request: epb.RequirePulumiVersionRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return self._refuse(context, f"requiring a version of Pulumi's CLI ({request.pulumi_version_range})")


def _told(error: EngineError) -> str:
    return f"{error.urn.rpartition('::')[2]}: {error}" if isinstance(error, ResourceError) else str(error)
