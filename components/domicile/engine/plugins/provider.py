"""A configured provider: calls go in as it can take them, and come out with their secrets marked and their errors typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.protobuf.message import DecodeError
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import status_pb2

from ..errors import InDoubtError, MalformedError, PluginError, ResourceError, ResourceInitError
from ..plugins.connection import Connection, lost
from ..plugins.diff import Diff
from ..state.snapshot import Resource
from ..values import UNKNOWN, Properties, dump, has_unknown, load, mark_keys, mark_like, plain, without_references

CANCEL_SECONDS = 5  # for the answer to a Cancel, on which nothing waits


@dataclass(frozen=True)
class Made:
    id: str
    outputs: Properties


class Provider:
    def __init__(self, package: str, connection: Connection) -> None:
        self.package, self._connection = package, connection
        self.keeps_secrets = self.previews = self.takes_references = False
        self.configured = False

    # -- configuration ------------------------------------------------------------------------------------------------

    def configure(self, config: Properties, urn: str) -> None:
        opened = plain(config)
        variables = {f"{self.package}:config:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in opened.items()}
        request = pb.ConfigureRequest(args=dump(config), acceptSecrets=True, acceptResources=True, variables=variables)
        done = self._call("Configure", request, urn)
        self.keeps_secrets, self.previews = done.acceptSecrets, done.supportsPreview
        self.takes_references, self.configured = done.acceptResources, True

    def check_config(self, urn: str, olds: Properties, news: Properties) -> tuple[Properties, list[pb.CheckFailure]]:
        try:
            done = self._call("CheckConfig", pb.CheckRequest(urn=urn, olds=dump(olds), news=dump(news)), urn)
        except NotImplementedError:
            return news, []
        with self._understanding("CheckConfig", urn):
            return mark_like(load(done.inputs), news), list(done.failures)

    def diff_config(self, old: Resource, news: Properties) -> Diff:
        request = pb.DiffRequest(urn=old.urn, id=old.id, olds=dump(old.outputs), news=dump(news), old_inputs=dump(old.configuration))
        try:
            done = self._call("DiffConfig", request, old.urn)
        except NotImplementedError:
            return Diff(None)
        with self._understanding("DiffConfig", old.urn):
            return _diff(done)

    # -- resources ----------------------------------------------------------------------------------------------------

    def check(self, resource: Resource, olds: Properties, seed: bytes) -> tuple[Properties, list[pb.CheckFailure]]:
        request = pb.CheckRequest(
            urn=resource.urn, name=resource.name, type=resource.type, randomSeed=seed, news=self._send(resource.inputs),
            olds=self._send(olds),
        )  # fmt: skip
        done = self._call("Check", request, resource.urn)
        with self._understanding("Check", resource.urn):
            return self._take(done.inputs, resource.inputs), list(done.failures)

    def diff(self, old: Resource, news: Properties, ignored: tuple[str, ...] = ()) -> Diff:
        request = pb.DiffRequest(
            id=old.id, urn=old.urn, name=old.name, type=old.type, ignoreChanges=ignored, olds=self._send(old.outputs),
            news=self._send(news), old_inputs=self._send(old.inputs),
        )  # fmt: skip
        done = self._call("Diff", request, old.urn)
        with self._understanding("Diff", old.urn):
            return _diff(done)

    def create(self, new: Resource, preview: bool) -> Made:
        request = pb.CreateRequest(
            urn=new.urn, name=new.name, type=new.type, properties=self._send(new.inputs), preview=preview,
            timeout=_seconds(new, "create"),
        )  # fmt: skip
        done = self._call("Create", request, new.urn, new)
        if not preview and done.id in ("", UNKNOWN):
            raise InDoubtError(new.urn, f"provider {self.package} gave it no id, so it may be there or not. {self._connection.said()}")
        return Made(done.id, self._result("Create", done.properties, new, preview, done.id, dict(new.inputs)))

    def update(self, old: Resource, new: Resource, preview: bool) -> Made:
        request = pb.UpdateRequest(
            id=old.id, urn=new.urn, name=new.name, type=new.type, olds=self._send(old.outputs), news=self._send(new.inputs),
            old_inputs=self._send(old.inputs), ignoreChanges=new.ignore_changes, preview=preview, timeout=_seconds(new, "update"),
        )  # fmt: skip
        done = self._call("Update", request, new.urn, new)
        return Made(old.id, self._result("Update", done.properties, new, preview, old.id, old.outputs))

    def delete(self, old: Resource) -> None:
        request = pb.DeleteRequest(
            id=old.id, urn=old.urn, name=old.name, type=old.type, properties=self._send(old.outputs),
            old_inputs=self._send(old.inputs), timeout=_seconds(old, "delete"),
        )  # fmt: skip
        self._call("Delete", request, old.urn)

    def read(self, old: Resource) -> tuple[str, Properties, Properties]:
        """Id (empty if the thing is gone), inputs and outputs as they are in the world."""
        request = pb.ReadRequest(
            id=old.id, urn=old.urn, name=old.name, type=old.type, properties=self._send(old.outputs), inputs=self._send(old.inputs)
        )
        id_, inputs, outputs = self._read(request, old)
        return id_, old.inputs if inputs is None else inputs, outputs

    def import_(self, new: Resource) -> tuple[str, Properties | None, Properties]:
        """As `read`, of what the state doesn't know yet. Inputs are None if the provider gives none: it can't import."""
        request = pb.ReadRequest(id=new.import_id, urn=new.urn, name=new.name, type=new.type)
        return self._read(request, new)

    def _read(self, request: pb.ReadRequest, of: Resource) -> tuple[str, Properties | None, Properties]:
        done = self._call("Read", request, of.urn, of)
        with self._understanding("Read", of.urn):
            # the inputs of an update that failed in part are still those before it: what it made secret, only the outputs know
            inputs = self._take(done.inputs, of.inputs, of.outputs) if done.HasField("inputs") else None
            return done.id, inputs, mark_keys(self._take(done.properties, of.inputs, of.outputs), list(of.additional_secret_outputs))

    def invoke(self, request: pb.InvokeRequest) -> pb.InvokeResponse:
        done: pb.InvokeResponse = self._call("Invoke", request, "")
        return done

    def construct(self, request: pb.ConstructRequest) -> pb.ConstructResponse:
        done: pb.ConstructResponse = self._call("Construct", request, "")
        return done

    def call(self, request: pb.CallRequest) -> pb.CallResponse:
        done: pb.CallResponse = self._call("Call", request, "")
        return done

    def cancel(self) -> None:
        """Ask it to break off what it does, as the user has asked. What becomes of it, each call's own answer says."""
        with suppress(grpc.RpcError, PluginError):
            self._connection.stub.Cancel(empty_pb2.Empty(), timeout=CANCEL_SECONDS)

    def close(self) -> None:
        self._connection.close()

    # -- the wire -----------------------------------------------------------------------------------------------------

    def _send(self, props: Properties) -> Any:
        props = props if self.takes_references else without_references(props)
        return dump(props if self.keeps_secrets else plain(props))

    def _take(self, struct: Any, *models: Properties) -> Properties:
        props: Properties = load(struct)
        if not self.keeps_secrets:
            for model in models:
                props = mark_like(props, model)
        return props

    def _result(self, method: str, struct: Any, new: Resource, preview: bool, id_: str, before: Properties) -> Properties:
        """What a step gave. It is done, whatever the answer is worth: an answer that can't be kept leaves it to be mended."""
        try:
            outputs = self._outputs(struct, new)
            if not preview and has_unknown(outputs):
                raise MalformedError("a value is unknown, after the step")
        except MalformedError as e:
            message = self._garbage(method, e)
            raise ResourceError(new.urn, message) if preview else ResourceInitError(new.urn, [message], id_, before, new.inputs) from e
        return outputs

    def _garbage(self, method: str, error: Exception) -> str:
        return f"provider {self.package} answered {method} with what can't be used: {error}. {self._connection.said()}"

    @contextmanager
    def _understanding(self, method: str, urn: str) -> Iterator[None]:
        """For an answer to a question, from which nothing hangs but the answer."""
        try:
            yield
        except (MalformedError, ValueError) as e:
            raise ResourceError(urn, self._garbage(method, e)) from e

    def _outputs(self, struct: Any, new: Resource) -> Properties:
        return mark_keys(self._take(struct, new.inputs), list(new.additional_secret_outputs))

    def _call(self, method: str, request: Any, urn: str, of: Resource | None = None) -> Any:
        try:
            return getattr(self._connection.stub, method)(request)
        except grpc.RpcError as e:
            code, details = e.code(), e.details() or ""
            if code == grpc.StatusCode.UNIMPLEMENTED and method in ("CheckConfig", "DiffConfig"):
                raise NotImplementedError from e
            if lost(e):
                message = f"provider {self.package} gave no answer to {method}: {details}. {self._connection.said()}"
                raise (InDoubtError(urn, message) if urn else PluginError(message)) from e
            partial = _init_failure(e)
            if partial and of:
                if not (partial.id or of.id):
                    raise InDoubtError(urn, f"provider {self.package} made it in part but gave it no id. {self._connection.said()}") from e
                try:
                    outputs, inputs = self._outputs(partial.properties, of), self._take(partial.inputs, of.inputs) or of.inputs
                except MalformedError as fault:
                    raise ResourceInitError(urn, [self._garbage(method, fault)], partial.id, of.outputs, of.inputs) from fault
                raise ResourceInitError(urn, list(partial.reasons), partial.id, outputs, inputs) from e
            raise (ResourceError(urn, details) if urn else PluginError(details)) from e


def _seconds(resource: Resource, verb: str) -> float:
    return float(resource.custom_timeouts.get(verb) or 0)


def _diff(d: pb.DiffResponse) -> Diff:
    changes = {d.DIFF_NONE: False, d.DIFF_SOME: True}.get(d.changes)
    kind = pb.PropertyDiff.Kind.Name
    detailed = {k: {"kind": kind(v.kind).lower().replace("_", "-"), "inputDiff": v.inputDiff} for k, v in d.detailedDiff.items()}
    return Diff(changes, tuple(d.diffs), tuple(d.replaces), d.deleteBeforeReplace, detailed)


def _init_failure(error: grpc.RpcError) -> pb.ErrorResourceInitFailed | None:
    """What a provider says when it made a thing that isn't right yet: a detail in the gRPC status."""
    metadata: Any = error.trailing_metadata() or ()
    for key, value in metadata:
        if key == "grpc-status-details-bin":
            with suppress(DecodeError):  # then there is only the error's text
                status = status_pb2.Status.FromString(value)
                for detail in status.details:
                    found = pb.ErrorResourceInitFailed()
                    if detail.Is(found.DESCRIPTOR):
                        detail.Unpack(found)
                        return found
    return None
