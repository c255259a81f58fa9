"""A program as data, run within this process: it registers with the engine's monitor what an SDK would register."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import Any

from google.protobuf import struct_pb2
from lab_world import HUSH, Connection, Fault, World, wild
from pulumi.runtime.proto import alias_pb2
from pulumi.runtime.proto import resource_pb2 as pb

from domicile.engine import EngineError, Job
from domicile.engine.deployment.hooks import Hook
from domicile.engine.language.monitor import Monitor
from domicile.engine.values import UNKNOWN, Secret, dump, load

NAMES = tuple(f"n{i}" for i in range(8))


@dataclass(frozen=True, repr=False)
class Spec:
    """One resource of a program. Others are meant by their place in it, and come before."""

    name: str
    form: str = "thing"  # thing, view (one that is only read), group (a component) or provider
    package: str = "lab"
    body: int = 0
    kind: int = 0
    zone: int = 0
    secret: bool = False
    parent: int | None = None
    near: int | None = None  # its serial is the property `near`, whose change is an update
    core: int | None = None  # its serial is the property `core`, whose change replaces
    after: tuple[int, ...] = ()  # depends_on
    provider: int | None = None
    within: int | None = None  # deleted_with
    protect: bool = False
    retain: bool = False
    delete_first: bool | None = None
    ignore: tuple[str, ...] = ()
    replace_on: tuple[str, ...] = ()
    trigger: int | None = None  # replacement_trigger
    partner: int | None = None  # replace_with
    other_type: bool = False  # of two that a component may have
    wild: int = 0  # the thing in the world that is read, or imported
    hooks: tuple[str, ...] = ()  # before_create and so on
    aliases: tuple[tuple[str, ...], ...] = ()  # former name, and the name of the parent then ("" for the stack); the type, if another

    def __repr__(self) -> str:
        """As short as it can be written in a test."""
        said = [f"{f.name}={v!r}" for f in fields(self)[1:] if (v := getattr(self, f.name)) != f.default]
        return f"Spec({', '.join([repr(self.name), *said])})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def type(self) -> str:
        thing = f"{self.package}:index:Thing"
        group = "lab:index:Band" if self.other_type else "lab:index:Group"
        return {"thing": thing, "view": thing, "group": group}.get(self.form, f"pulumi:providers:{self.package}")

    @property
    def needs(self) -> set[int]:
        single = (self.parent, self.near, self.core, self.provider, self.within, self.partner)
        return {i for i in (*single, *self.after) if i is not None}

    def shifted(self, gone: int) -> Spec:
        """The same where the resource at `gone` is no more: what meant it means nothing, what came after is one place nearer."""

        def move(i: int | None) -> int | None:
            return None if i is None or i == gone else i - (i > gone)

        after = tuple(m for i in self.after if (m := move(i)) is not None)
        return replace(
            self, parent=move(self.parent), near=move(self.near), core=move(self.core), provider=move(self.provider),
            within=move(self.within), partner=move(self.partner), after=after,
        )  # fmt: skip


Program = tuple[Spec, ...]


class Ended(Exception):
    """The engine has ended the operation: no more answers."""


class Context:
    """The part of a gRPC context that the monitor uses."""

    def abort(self, code: Any, details: str) -> None:
        raise Ended(details)

    def invocation_metadata(self) -> tuple[()]:
        return ()


class InProcess:
    """A host whose program is data and whose plugins are `Connection`s, for one operation."""

    def __init__(self, job: Job, monitor: Monitor, program: Program, world: World, faults: list[Fault], on_call: Any) -> None:
        self._job, self._monitor, self._program = job, monitor, program
        self._world, self._faults, self._on_call = world, faults, on_call
        self._made: dict[int, Any] = {}
        self._thread = threading.Thread(target=self._main, name="program", daemon=True)
        self._ended = threading.Event()
        self._fault: BaseException | None = None
        self._stalling = threading.Lock()
        self._gone = threading.Event()  # the program's process has been ended
        self.name = "the program"
        job.children.add(self)
        self._aborted = False
        self.interrupted = threading.Event()  # the engine has said that it heard an interrupt

    address = "in-process"  # where a plugin would find the engine

    def start(self, package: str, version: str) -> Connection:
        connection = Connection(self._world, package, self._faults, self._stall)
        connection.on_call = self._on_call
        self._job.children.add(connection)
        return connection

    def run(self) -> int:
        self._thread.start()
        gate = self._job.gate
        while not gate.stopped and not self._ended.wait(0.002):
            pass
        gate.wait_idle()
        return 0 if self._ended.is_set() and self._fault is None else 1

    def stop(self) -> None:
        self._gone.set()

    def tell_to_end(self) -> None:
        """It heeds nobody: `stop` ends it."""

    def close(self) -> None:
        self._monitor.end()

    def join(self) -> None:
        """Wait for the program once the operation is over; whatever it fell over is raised."""
        if self._thread.ident is not None:
            self._thread.join(20)
            assert not self._thread.is_alive(), "the program still waits for an answer though the operation has ended"
        if self._fault is not None:
            raise self._fault

    def _stall(self, closed: threading.Event, kind: str) -> None:
        """Last until the user interrupts, or with `hang` until the user interrupts again and the engine gives up.

        A question that hangs while the engine decides holds up no step: one interrupt is its end, and a second would meet no engine.
        """
        asked = threading.get_ident() == self._job.gate._decider
        with self._stalling:
            if not self.interrupted.is_set():
                _interrupt()
                assert self.interrupted.wait(20), "an interrupt was not heard"
            assert self._job.gate.stopped, "an interrupt didn't stop the operation"
            if kind == "hang" and not (self._aborted or asked):
                self._aborted = True
                _interrupt()
        if kind == "hang":
            assert closed.wait(20), f"{'an' if asked else 'a second'} interrupt didn't end the plugins"

    # -- the program --------------------------------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            root = pb.RegisterResourceRequest(type="pulumi:pulumi:Stack", name=f"{self._job.project.name}-{self._job.stack}")
            self._root = self._monitor.RegisterResource(root, Context()).urn
            self._register_hooks()
            if self._job.parallel == 1:
                for at in range(len(self._program)):
                    self._register(at)
            else:
                self._register_at_once()
            outputs = {str(i): made.urn for i, made in sorted(self._made.items())}
            self._monitor.RegisterResourceOutputs(pb.RegisterResourceOutputsRequest(urn=self._root, outputs=dump(outputs)), Context())
            self._ended.set()
        except Ended:
            pass
        except BaseException as e:
            self._fault = e
            self._ended.set()

    def _register_at_once(self) -> None:
        done: list[Future[None]] = []

        def one(at: int) -> None:
            for i in sorted(self._program[at].needs):
                done[i].result()
            self._register(at)

        with ThreadPoolExecutor(len(self._program) or 1) as pool:
            for at in range(len(self._program)):
                done.append(pool.submit(one, at))
            for each in done:
                each.result()

    def _register_hooks(self) -> None:
        """As the monitor would, but called without a server: a forked engine could have none."""
        for name in NAMES:

            def call(old: Any, new: Any, done: bool, name: str = name) -> None:
                fault = next((f for f in self._faults if (f.verb, f.name) == ("hook", name)), None)
                if fault:
                    self._faults.remove(fault)
                    if fault.kind == "hang":
                        self._stall(self._gone, fault.kind)
                    raise EngineError("the hook is against it")

            self._monitor._hooks.register(Hook(f"hook of {name}", call, in_previews=False, ignore_errors=False))

    def _register(self, at: int) -> None:
        spec = self._program[at]
        if spec.form == "view":
            self._made[at] = self._monitor.ReadResource(self._read_request(spec), Context())
            return
        made = self._monitor.RegisterResource(self._request(spec), Context())
        self._made[at] = made
        if spec.form == "group":
            outputs = pb.RegisterResourceOutputsRequest(urn=made.urn, outputs=dump({"body": spec.body}))
            self._monitor.RegisterResourceOutputs(outputs, Context())

    def _request(self, spec: Spec) -> pb.RegisterResourceRequest:
        made = self._made
        inputs, leans = self._inputs(spec)
        after = {made[i].urn for i in spec.after} | {u for us in leans.values() for u in us}
        provider = ""
        if spec.provider is not None:
            found = made[spec.provider]
            provider = f"{found.urn}::{found.id or UNKNOWN}"
        return pb.RegisterResourceRequest(
            importId=wild(spec.wild) if spec.wild else "", hooks={kind: [f"hook of {spec.name}"] for kind in spec.hooks},
            type=spec.type, name=spec.name, parent=self._root if spec.parent is None else made[spec.parent].urn,
            custom=spec.form != "group", object=dump(inputs), protect=spec.protect, dependencies=sorted(after), provider=provider,
            propertyDependencies={k: pb.RegisterResourceRequest.PropertyDependencies(urns=sorted(us)) for k, us in leans.items()},
            deleteBeforeReplace=bool(spec.delete_first), deleteBeforeReplaceDefined=spec.delete_first is not None,
            ignoreChanges=spec.ignore, replaceOnChanges=spec.replace_on, acceptSecrets=True, retainOnDelete=spec.retain,
            replacement_trigger=None if spec.trigger is None else struct_pb2.Value(number_value=spec.trigger),
            replace_with=[] if spec.partner is None else [made[spec.partner].urn],
            deletedWith="" if spec.within is None else made[spec.within].urn, acceptResources=True, aliasSpecs=True,
            additionalSecretOutputs=["token"] if spec.form == "thing" else [],
            aliases=[alias_pb2.Alias(spec=self._alias(spec, *alias)) for alias in spec.aliases],
        )  # fmt: skip

    def _read_request(self, spec: Spec) -> pb.ReadResourceRequest:
        parent = self._root if spec.parent is None else self._made[spec.parent].urn
        after = sorted(self._made[i].urn for i in spec.after)
        return pb.ReadResourceRequest(
            id=wild(spec.wild), type=spec.type, name=spec.name, parent=parent, dependencies=after, acceptSecrets=True,
            acceptResources=True, additionalSecretOutputs=["token"],
        )  # fmt: skip

    def _alias(self, spec: Spec, name: str, parent: str, type_: str = "") -> Any:
        """The alias as the SDK puts it: with the parent only where that isn't the present one."""
        now = "" if spec.parent is None else self._program[spec.parent].name
        if parent == now:
            return alias_pb2.Alias.Spec(name=name, type=type_)
        if not parent:
            return alias_pb2.Alias.Spec(name=name, type=type_, noParent=True)
        above = next((made.urn for i, made in self._made.items() if self._program[i].name == parent), self._root)
        return alias_pb2.Alias.Spec(name=name, type=type_, parentUrn=above)

    def _inputs(self, spec: Spec) -> tuple[dict[str, Any], dict[str, set[str]]]:
        """The resource's inputs, and by property what they lean on."""
        if spec.form == "provider":
            return {"region": str(spec.zone), "label": str(spec.body)}, {}
        inputs: dict[str, Any] = {"body": Secret(f"{HUSH}{spec.body}") if spec.secret else spec.body}
        if spec.form == "group":
            return inputs, {}
        inputs |= {"kind": spec.kind, "zone": spec.zone}
        leans: dict[str, set[str]] = {}
        for key, at in (("near", spec.near), ("core", spec.core)):
            if at is not None:
                inputs[key] = load(self._made[at].object).get("serial", UNKNOWN)
                leans[key] = {self._made[at].urn}
        return inputs, leans


def _interrupt() -> None:
    """Ctrl-C, for the main thread: there the engine takes it."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
