"""A provider within this process, behind the stub of a plugin: its world is a dictionary, and any of its calls can go wrong.

Two packages: `lab` keeps secrets, previews and gives detailed diffs; `old` does none of the three.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto import status_pb2

from domicile.engine.values import UNKNOWN, Secret, dump, load, plain

HUSH = "hush-"  # begins every value that is secret, so that none may be found in a file
KEEP = ("body", "kind", "zone", "near", "core")
WILD = 4
"""Things that others made: what is only read is one of the first two, what is imported one of the rest."""
REPLACES = {"kind": False, "core": False, "zone": True}  # property -> whether the old one must go first


class Failed(grpc.RpcError):
    """What a stub raises: the provider's refusal, or the end of its connection."""

    def __init__(self, code: grpc.StatusCode, details: str, metadata: tuple[tuple[str, bytes], ...] = ()) -> None:
        self._code, self._details, self._metadata = code, details, metadata

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> tuple[tuple[str, bytes], ...]:
        return self._metadata


@dataclass(frozen=True)
class Thing:
    urn: str
    props: dict[str, Any]


def wild(number: int) -> str:
    """The id of a thing that was there before any stack."""
    return f"wild-{number}"


@dataclass
class World:
    """What the providers made, by id. `on_change` is told of each change, so that a forked engine's can be taken over."""

    things: dict[str, Thing] = field(default_factory=lambda: {wild(i): Thing("", dict.fromkeys(KEEP, 0)) for i in range(1, WILD + 1)})
    count: int = WILD
    on_change: Callable[[str, Thing | None], None] | None = None

    def put(self, id_: str, thing: Thing | None) -> None:
        if thing is None:
            self.things.pop(id_, None)
        else:
            self.things[id_] = thing
            self.count = max(self.count, int(id_.rpartition("-")[2]))
        if self.on_change:
            self.on_change(id_, thing)

    def new_id(self, name: str) -> str:
        return f"{name}-{self.count + 1}"


@dataclass(frozen=True)
class Fault:
    """What goes wrong in the call `verb` for the resource `name`, in its configuration if it is a provider, or in its hook.

    fail: refused, nothing done. half: refused, though it was done. partial: made, but not right. die: the plugin dies before it does
    it. died: after. pause: it takes until an interrupt. hang: it never ends, until a second interrupt aborts the engine.
    """

    verb: str
    name: str
    kind: str


class Connection:
    """A plugin that lives in this process. Every call goes by `before`, with the verb and the resource's name."""

    def __init__(self, world: World, package: str, faults: list[Fault], stall: Callable[[threading.Event, str], None]) -> None:
        self._world, self._package, self._faults, self._stall = world, package, faults, stall
        self._closed = threading.Event()
        self.on_call: Callable[[str, Any], None] = lambda verb, request: None
        self.name = f"pulumi-resource-{package}"
        self.stub = self

    def said(self) -> str:
        return "It said nothing on stderr."

    def close(self) -> None:
        self._closed.set()

    stop = close  # as a child process is ended

    def tell_to_end(self) -> None:
        """It heeds nobody: `stop` ends it."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not name[0].isupper():
            raise AttributeError(name)

        def unimplemented(request: Any, **_: Any) -> None:
            raise Failed(grpc.StatusCode.UNIMPLEMENTED, name)

        return unimplemented

    # -- configuration ------------------------------------------------------------------------------------------------

    def CheckConfig(self, request: pb.CheckRequest, **_: Any) -> pb.CheckResponse:
        self._disturbed("configure", request)
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: pb.DiffRequest, **_: Any) -> pb.DiffResponse:
        changed = _changed(request, ("region", "label"))
        replaces = [k for k in changed if k == "region"]
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME if changed else pb.DiffResponse.DIFF_NONE, diffs=changed, replaces=replaces
        )

    def Configure(self, request: pb.ConfigureRequest, **_: Any) -> pb.ConfigureResponse:
        modern = self._package == "lab"
        return pb.ConfigureResponse(acceptSecrets=modern, supportsPreview=modern, acceptResources=modern)

    # -- resources ----------------------------------------------------------------------------------------------------

    def Check(self, request: pb.CheckRequest, **_: Any) -> pb.CheckResponse:
        self._disturbed("check", request)
        return pb.CheckResponse(inputs=request.news)

    def Diff(self, request: pb.DiffRequest, **_: Any) -> pb.DiffResponse:
        self._disturbed("diff", request)
        changed = _changed(request, KEEP)
        replaces = [k for k in changed if k in REPLACES]
        detailed = {}
        if self._package == "lab":
            for k in changed:
                kind = pb.PropertyDiff.UPDATE_REPLACE if k in replaces else pb.PropertyDiff.UPDATE
                detailed[k] = pb.PropertyDiff(kind=kind, inputDiff=True)
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME if changed else pb.DiffResponse.DIFF_NONE, diffs=changed, replaces=replaces,
            deleteBeforeReplace=any(REPLACES[k] for k in replaces), detailedDiff=detailed, hasDetailedDiff=bool(detailed),
        )  # fmt: skip

    def Create(self, request: pb.CreateRequest, **_: Any) -> pb.CreateResponse:
        if request.preview:
            props = load(request.properties)
            return pb.CreateResponse(properties=dump({**props, "serial": UNKNOWN, "token": UNKNOWN}))
        after = self._disturbed("create", request)
        id_ = self._world.new_id(_name(request))
        made = self._write(id_, request.urn, request.properties)
        after(id_, made)
        return pb.CreateResponse(id=id_, properties=made)

    def Update(self, request: pb.UpdateRequest, **_: Any) -> pb.UpdateResponse:
        if request.preview:
            return pb.UpdateResponse(properties=dump({**load(request.news), "serial": request.id, "token": UNKNOWN}))
        after = self._disturbed("update", request)
        if request.id not in self._world.things:
            raise Failed(grpc.StatusCode.NOT_FOUND, f"{request.id} isn't there")
        made = self._write(request.id, request.urn, request.news)
        after(request.id, made)
        return pb.UpdateResponse(properties=made)

    def Delete(self, request: pb.DeleteRequest, **_: Any) -> empty_pb2.Empty:
        after = self._disturbed("delete", request)
        self._world.put(request.id, None)
        after(request.id, None)
        return empty_pb2.Empty()

    def Read(self, request: pb.ReadRequest, **_: Any) -> pb.ReadResponse:
        self._disturbed("read", request)
        thing = self._world.things.get(request.id)
        if thing is None:
            return pb.ReadResponse()
        outputs = self._outputs(request.id, request.urn, dump(thing.props))
        return pb.ReadResponse(id=request.id, inputs=dump({k: v for k, v in thing.props.items() if v is not None}), properties=outputs)

    # -- the world ----------------------------------------------------------------------------------------------------

    def _write(self, id_: str, urn: str, struct: Any) -> Any:
        props = load(struct)
        if UNKNOWN in str(plain(props)):
            raise AssertionError(f"an unknown reached {id_}")
        self._world.put(id_, Thing(urn, {k: props.get(k) for k in KEEP}))
        return self._outputs(id_, urn, struct)

    def _outputs(self, id_: str, urn: str, struct: Any) -> Any:
        props = {k: v for k, v in load(struct).items() if v is not None}
        return dump({**props, "serial": id_, "token": HUSH + urn.rpartition("::")[2]})

    def _disturbed(self, verb: str, request: Any) -> Callable[[str, Any], None]:
        """Let what is to go wrong before the call go wrong; what is to go wrong after it is given back."""
        self._alive()
        self.on_call(verb, request)
        fault = next((f for f in self._faults if f.verb == verb and f.name == _name(request)), None)
        kind = fault.kind if fault else ""
        if fault:
            self._faults.remove(fault)
        if kind in ("pause", "hang"):
            self._stall(self._closed, kind)
        self._alive()
        if kind == "fail":
            raise Failed(grpc.StatusCode.UNKNOWN, f"{verb} is not possible today")
        if kind == "die":
            raise Failed(grpc.StatusCode.UNAVAILABLE, "socket closed")

        def after(id_: str, made: Any) -> None:
            self.on_call(f"{verb} done", request)
            if kind == "half":
                raise Failed(grpc.StatusCode.UNKNOWN, f"{verb} failed at its end")
            if kind == "partial":
                raise _in_part(id_, made, request)
            if kind == "died":
                raise Failed(grpc.StatusCode.UNAVAILABLE, "socket closed")

        return after

    def _alive(self) -> None:
        if self._closed.is_set():
            raise Failed(grpc.StatusCode.CANCELLED, "channel closed")


def _in_part(id_: str, made: Any, request: Any) -> Failed:
    """Made, but not right yet: what a provider says with a detail in the status."""
    inputs = request.properties if isinstance(request, pb.CreateRequest) else request.news
    detail = any_pb2.Any()
    detail.Pack(pb.ErrorResourceInitFailed(id=id_, properties=made, reasons=["it isn't ready"], inputs=inputs))
    status = status_pb2.Status(code=2, message="made in part", details=[detail])
    return Failed(grpc.StatusCode.UNKNOWN, "made in part", (("grpc-status-details-bin", status.SerializeToString()),))


def _name(request: Any) -> str:
    return str(request.urn.rpartition("::")[2])


def _changed(request: pb.DiffRequest, keys: tuple[str, ...]) -> list[str]:
    before, after = plain(load(request.old_inputs)), plain(load(request.news))
    ignored = set(request.ignoreChanges)
    return [k for k in keys if k not in ignored and (before.get(k) != after.get(k) or UNKNOWN in str(after.get(k)))]


def secret(text: str) -> Secret:
    return Secret(HUSH + text)
