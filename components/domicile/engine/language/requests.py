"""What becomes of a registration's request before the registrar sees it: what it has from its parent, and what transforms make of it.

The order is Pulumi's: the resource's own transforms, its parents' from near to far, then the stack's. Called by the monitor.
"""

from __future__ import annotations

import threading
from typing import Any

from google.protobuf import struct_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import alias_pb2, callback_pb2
from pulumi.runtime.proto import resource_pb2 as pb

from ..values import OUTPUT, SIGNATURE, UNKNOWN, Secret, dependencies_in, dump, load
from .callbacks import Callbacks

Request = pb.RegisterResourceRequest
_OPTIONS = {  # field of the request -> of TransformResourceOptions, where both are of one type
    "dependencies": "depends_on", "ignoreChanges": "ignore_changes", "replaceOnChanges": "replace_on_changes", "aliases": "aliases",
    "additionalSecretOutputs": "additional_secret_outputs", "hideDiffs": "hide_diff", "replace_with": "replace_with",
    "version": "version", "provider": "provider", "pluginDownloadURL": "plugin_download_url", "deletedWith": "deleted_with",
    "importId": "import", "providers": "providers", "pluginChecksums": "plugin_checksums", "customTimeouts": "custom_timeouts",
    "hooks": "hooks", "replacement_trigger": "replacement_trigger", "protect": "protect", "retainOnDelete": "retain_on_delete",
}  # fmt: skip


class Requests:
    def __init__(self, callbacks: Callbacks) -> None:
        self._callbacks = callbacks
        self._of_stack: list[callback_pb2.Callback] = []
        self._of_invokes: list[callback_pb2.Callback] = []
        self._registered: dict[str, Request] = {}  # by URN, as it was done
        self._remote: dict[tuple[str, str, str], Request] = {}  # by parent, type and name: what a provider is yet to register
        self._lock = threading.Lock()

    def transform_all(self, transform: callback_pb2.Callback) -> None:
        """`register_resource_transform`: it is called for every resource registered from here on."""
        with self._lock:
            self._of_stack.append(transform)

    def transform_invokes(self, transform: callback_pb2.Callback) -> None:
        with self._lock:
            self._of_invokes.append(transform)

    def finished(self, request: Request) -> Request:
        """The request as it is to be done; CallbackError with what a transform raised."""
        done = Request()
        done.CopyFrom(request)
        self._inherit(done)
        if transforms := self._transforms(done):
            self._transform(done, transforms, bool(done.transforms))
        return done

    def registered(self, urn: str, request: Request) -> None:
        """Its children have from it what a child has from its parent."""
        kept = Request()
        kept.CopyFrom(request)
        kept.ClearField("object")
        with self._lock:
            self._registered[urn] = kept

    def invoke(self, request: pb.ResourceInvokeRequest) -> pb.ResourceInvokeRequest:
        """The invoke as its transforms want it; CallbackError with what one raised."""
        q = pb.ResourceInvokeRequest()
        q.CopyFrom(request)
        for transform in list(self._of_invokes):
            options = pb.TransformInvokeOptions(provider=q.provider, plugin_download_url=q.pluginDownloadURL, version=q.version)
            asked = pb.TransformInvokeRequest(token=q.tok, args=q.args, options=options)
            answer = self._callbacks.call(f"a transform of the invoke {q.tok}", transform, asked, pb.TransformInvokeResponse)
            if answer.HasField("args"):
                q.args.CopyFrom(dump(load(answer.args)))
            if answer.HasField("options"):
                options = answer.options
                q.provider, q.pluginDownloadURL, q.version = options.provider, options.plugin_download_url, options.version
        return q

    def _inherit(self, q: Request) -> None:
        """Protection, retention, `deleted_with` and providers, where the resource itself says nothing."""
        with self._lock:
            parent = self._registered.get(q.parent)
        if parent is None:
            return
        q.deletedWith = q.deletedWith or parent.deletedWith
        for field in ("protect", "retainOnDelete"):
            if not q.HasField(field) and parent.HasField(field):
                setattr(q, field, getattr(parent, field))
        package = q.type.partition(":")[0]
        if not q.provider and (q.custom or q.remote):
            q.provider = q.providers.get(package) or parent.providers.get(package) or _of_package(parent.provider, package)
        if not q.custom:
            for name, reference in parent.providers.items():
                if name not in q.providers:
                    q.providers[name] = reference

    def _transforms(self, q: Request) -> list[callback_pb2.Callback]:
        """The resource's own, and all that are to be called.

        A remote component is asked for twice, by the program and by its provider: it has its transforms and aliases from the program.
        """
        key = (q.parent, q.type, q.name)
        with self._lock:
            if q.remote:
                self._remote[key] = q
            elif asked := self._remote.pop(key, None):
                q.aliases.extend(asked.aliases)
                q.aliasURNs.extend(asked.aliasURNs)
                q.transforms.extend(asked.transforms)
            found, above = list(q.transforms), q.parent
            while above in self._registered:
                parent = self._registered[above]
                found, above = [*found, *parent.transforms], parent.parent
            return found + self._of_stack

    def _transform(self, q: Request, transforms: list[callback_pb2.Callback], tracked: bool) -> None:
        """Have each transform change the request, in place. `tracked`: properties say what they depend on, there and back."""
        properties, options = _as_outputs(q, tracked), _options(q)
        for transform in transforms:
            asked = pb.TransformRequest(type=q.type, name=q.name, custom=q.custom, parent=q.parent, properties=properties, options=options)
            answer = self._callbacks.call(f"a transform of {q.type} {q.name!r}", transform, asked, pb.TransformResponse)
            properties = answer.properties if answer.HasField("properties") else properties
            options = answer.options if answer.HasField("options") else options
        _take_options(q, options)
        if tracked:
            q.propertyDependencies.clear()
        for key, value in properties.fields.items():
            urns = dependencies_in(value)
            _add(q.propertyDependencies[key].urns, urns)
            _add(q.dependencies, urns if tracked else set())
        q.object.CopyFrom(dump(load(properties)))


def _of_package(reference: str, package: str) -> str:
    """The provider reference, if it is one of that package's."""
    return reference if reference and reference.split("::")[2].rpartition(":")[2] == package else ""


def _add(to: Any, urns: set[str]) -> None:
    to.extend(sorted(urns - set(to)))


def _as_outputs(q: Request, tracked: bool) -> struct_pb2.Struct:
    """The properties with secrets and unknowns as output values, as transforms get them; `tracked`: with what each depends on."""
    out = {}
    for key, value in load(q.object).items():
        lifted = _lifted(value)
        urns = list(q.propertyDependencies[key].urns) if tracked and key in q.propertyDependencies else []
        if urns:
            is_output = isinstance(lifted, dict) and lifted.get(SIGNATURE) == OUTPUT
            lifted = {**(lifted if is_output else {SIGNATURE: OUTPUT, "value": lifted}), "dependencies": urns}
        out[key] = lifted
    return dump(out)


def _lifted(v: Any) -> Any:
    if isinstance(v, Secret):
        return {SIGNATURE: OUTPUT, "secret": True, **({} if v.value == UNKNOWN else {"value": _lifted(v.value)})}
    if isinstance(v, dict):
        return {k: _lifted(x) for k, x in v.items()}
    if isinstance(v, list):
        return [_lifted(x) for x in v]
    return {SIGNATURE: OUTPUT} if v == UNKNOWN else v


def _options(q: Request) -> pb.TransformResourceOptions:
    options = pb.TransformResourceOptions()
    for mine, theirs in _OPTIONS.items():
        _copy(q, mine, options, theirs)
    options.aliases.extend(alias_pb2.Alias(urn=urn) for urn in q.aliasURNs)
    if q.deleteBeforeReplaceDefined or q.deleteBeforeReplace:
        options.delete_before_replace = q.deleteBeforeReplace
    return options


def _take_options(q: Request, options: pb.TransformResourceOptions) -> None:
    for mine, theirs in _OPTIONS.items():
        _copy(options, theirs, q, mine)
    del q.aliasURNs[:]
    q.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")
    q.deleteBeforeReplace = options.delete_before_replace


def _copy(source: Message, field: str, target: Message, into: str) -> None:
    """One field's value, its absence too; both are of one type."""
    value = getattr(source, field)
    target.ClearField(into)
    if source.DESCRIPTOR.fields_by_name[field].has_presence and not source.HasField(field):
        return
    if hasattr(value, "MergeFrom"):  # a message, a list or a map
        getattr(target, into).MergeFrom(value)
    else:
        setattr(target, into, value)
