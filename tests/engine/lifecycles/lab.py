"""Lives a life: does one operation after another on a stack of its own, and after each holds state and world to the rules."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from lab_lives import Life, Op
from lab_program import InProcess, Program
from lab_world import HUSH, KEEP, Thing, World, wild

from domicile.engine import EngineError, Event, Job, Project, Result, Stack, destroy, preview, refresh, up
from domicile.engine.language.monitor import Monitor
from domicile.engine.state.crypter import Crypter
from domicile.engine.state.snapshot import Resource, decode
from domicile.engine.values import plain

PASSPHRASE = "correct-horse"
PROJECT, STACK = "lab", "dev"


@dataclass
class Ended:
    """How an operation ended. `aborted`: by a kill or a second interrupt, so that its last steps are in doubt."""

    exit_code: int = 0
    summary: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    aborted: bool = False
    killed: bool = False


class Lab:
    """A stack with a world of its own. With no `salt` it isn't made yet."""

    def __init__(self, root: Path, salt: str = "") -> None:
        self.root = root
        self.root.mkdir(exist_ok=True)
        project = Project(PROJECT, root, root, root, sys.executable)
        self.stack = Stack.of(project, STACK, f"file://{root}/backend", PASSPHRASE)
        if salt:
            (self.root / f"Pulumi.{STACK}.yaml").write_text(f"encryptionsalt: {salt}\n")
            self.stack.init()
        self.world = World()
        self.left_over = set(self.world.things)  # things that are no longer in the state, and rightly so
        self.doubt = False  # whether the state may be wrong about the world, so that only a refresh sets it right
        self.points = 0

    @cached_property
    def crypter(self) -> Crypter:
        return self.stack.crypter()

    def copied(self, root: Path) -> Lab:
        """Another of the same past."""
        shutil.copytree(self.root, root)
        other = Lab(root)
        other.world = World(dict(self.world.things), self.world.count)
        other.left_over, other.doubt = set(self.left_over), self.doubt
        return other

    def close(self) -> None:
        shutil.rmtree(self.root)

    # -- a life -------------------------------------------------------------------------------------------------------

    def live(self, life: Life) -> None:
        for op in life:
            self.once(op)
        self.converge(life[-1].program)

    def once(self, op: Op) -> None:
        if op.verb == "drift":
            self._drift(op)
        else:
            self.do(op)

    def do(self, op: Op) -> Ended:
        """One operation, and the rules that hold after it."""
        before = self.state()
        ended = self._killed(op) if op.kill_at else self.run(op)
        self.stack.cancel()
        self.judge(op, before, ended)
        return ended

    def judge_killed(self, op: Op, before: list[Resource]) -> None:
        """The rules that hold after an operation that may have been killed."""
        self.stack.cancel()
        self.judge(op, before, Ended(1, aborted=True, killed=True))

    def converge(self, program: Program) -> None:
        """Without faults `up` makes world and state one, and then has nothing left to do."""
        self.unprotect()
        last = tuple(replace(s, protect=False, ignore=(), wild=s.wild if s.form == "view" else 0) for s in program)
        verb = "up --refresh" if self.doubt else "up"
        ended = self.do(Op(verb, last))
        assert ended.exit_code == 0, ended.errors
        recorded = self.recorded()
        assert recorded.keys() == self.world.things.keys() - self.left_over, (recorded.keys(), self.world.things, self.left_over)
        assert len(recorded) == sum(s.form == "thing" for s in last)
        self._as_wished(last, recorded)
        again = self.do(Op("up", last))
        assert (again.exit_code, set(again.summary)) == (0, {"same"}), (again.errors, again.summary)

    def _as_wished(self, program: Program, recorded: dict[str, Resource]) -> None:
        ids = {r.name: id_ for id_, r in recorded.items()}
        for s in (s for s in program if s.form == "thing"):
            wanted = {"body": f"{HUSH}{s.body}" if s.secret else s.body, "kind": s.kind, "zone": s.zone}
            wanted |= {k: ids[program[at].name] if at is not None else None for k, at in (("near", s.near), ("core", s.core))}
            found = plain(self.world.things[ids[s.name]].props)
            assert {k: found.get(k) for k in KEEP} == wanted, s.name

    def unprotect(self) -> None:
        """`pulumi state unprotect --all`."""
        document = json.loads(self.checkpoint.read_text())
        for r in (document["checkpoint"]["latest"] or {}).get("resources", []):
            r.pop("protect", None)
        self.checkpoint.write_text(json.dumps(document))

    def _drift(self, op: Op) -> None:
        """Somebody changes the first thing by hand and removes the last."""
        if found := sorted(self.world.things.keys() - self.left_over):
            thing = self.world.things[found[0]]
            self.world.put(found[0], Thing(thing.urn, {**thing.props, "body": 9}))
            if len(found) > 1:
                self.world.put(found[-1], None)
            self.doubt = True

    # -- an operation -------------------------------------------------------------------------------------------------

    def run(self, op: Op, on_call: Callable[[str, Any], None] | None = None) -> Ended:
        hosts: list[InProcess] = []
        faults = list(op.faults)

        def host(job: Job, monitor: Monitor) -> InProcess:
            hosts.append(InProcess(job, monitor, op.program, self.world, faults, on_call or self._called(op)))
            return hosts[-1]

        def heard(event: Event) -> None:
            if event.message.startswith("interrupted"):
                hosts[-1].interrupted.set()

        try:
            done = self._operate(op, host, heard)
            ended = Ended(done.exit_code, done.summary, done.errors) if done else Ended()
        except KeyboardInterrupt:
            ended = Ended(1, aborted=True)
        except EngineError as e:
            ended = Ended(1, errors=[str(e)])
        for each in hosts:
            each.join()
        return ended

    def _operate(self, op: Op, host: Any, heard: Callable[[Event], None]) -> Result | None:
        if op.verb == "move the state":
            self.stack.import_(json.dumps(self.stack.export()), "the state itself")
            return None
        verb, *flags = op.verb.split(" --")
        given: dict[str, Any] = {"parallel": op.parallel, "host": host, "targets": op.targets}
        given |= {flag.replace("-", "_"): True for flag in flags}
        if verb == "refresh":
            return refresh(self.stack, heard, **given)
        given["continue_on_error"] = op.continues
        if verb == "preview":
            return preview(self.stack, heard, **given)
        if verb == "destroy":
            return destroy(self.stack, heard, run_program=op.run_program, **given)
        return up(self.stack, heard, preview_first=False, **given)

    def _called(self, op: Op) -> Callable[[str, Any], None]:
        """Holds each call to its rules: none changes anything in a preview, or before the file names it."""

        def on_call(verb: str, request: Any) -> None:
            if verb in ("create", "update", "delete"):
                assert op.verb.partition(" ")[0] in ("up", "destroy"), f"{verb} in a {op.verb}"
                named = [(o["type"], o["resource"]["urn"]) for o in self.latest().get("pending_operations", [])]
                kind = {"create": "creating", "update": "updating", "delete": "deleting"}[verb]
                # an alias may have given the deleted one a new name meanwhile
                assert any(k == kind and (u == request.urn or verb == "delete") for k, u in named), (verb, request.urn, named)
                assert verb == "delete" or self._may_touch(op, request.urn), (verb, request.urn, op.choice, op.chosen)

        return on_call

    @staticmethod
    def _may_touch(op: Op, urn: str) -> bool:
        named = urn.rpartition("::")[2] in op.chosen
        return op.choice not in (("target",), ("exclude",)) or named == (op.choice[0] == "target")

    def _killed(self, op: Op) -> Ended:
        told = self.in_child(op.kill_at or 0, lambda point: self.run(op, lambda verb, request: point(verb)))
        return told if isinstance(told, Ended) else Ended(1, aborted=True, killed=True)

    def in_child(self, kill_at: int, work: Callable[[Callable[[str], None]], Any]) -> Any:
        """`work` in a process of its own that kills itself at that point; what it did to the world until then counts.

        Gives what `work` gave, or None if it was killed. `self.points` is how many points it came to, if it wasn't.
        """
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._as_child(kill_at, work, writing)
        os.close(writing)
        ended, killed = None, True
        with os.fdopen(reading, "rb") as pipe:
            while True:
                try:
                    kind, told = pickle.load(pipe)
                except EOFError:
                    break
                assert kind != "fault", told
                if kind == "change":
                    self.world.put(*told)
                else:
                    (ended, self.points), killed = told, False
        status = os.waitpid(pid, 0)[1]
        assert killed == (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL), status
        return ended

    def _as_child(self, kill_at: int, work: Callable[[Callable[[str], None]], Any], writing: int) -> None:
        try:
            self.world.on_change = lambda id_, thing: _tell(writing, ("change", (id_, thing)))
            with dying_at(kill_at, self.root) as dying:
                done = work(dying.point)
            _tell(writing, ("ended", (done, dying.count)))
        except BaseException as e:
            _tell(writing, ("fault", f"{e!r}\n{traceback.format_exc()}"))
        finally:
            os._exit(0)

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def checkpoint(self) -> Path:
        return self.stack.backend.checkpoint(PROJECT, STACK)

    def latest(self) -> dict[str, Any]:
        return json.loads(self.checkpoint.read_text())["checkpoint"]["latest"] or {}

    def state(self) -> list[Resource]:
        return [decode(r, self.crypter) for r in self.latest().get("resources", [])]

    def recorded(self) -> dict[str, Resource]:
        """The things that the state believes in, by id."""
        return {r.id: r for r in self.state() if r.managed and not r.pending_replacement}

    # -- the rules ----------------------------------------------------------------------------------------------------

    def judge(self, op: Op, before: list[Resource], ended: Ended) -> None:
        latest = self.latest()
        judge_snapshot(latest, self.crypter)
        for path in self.root.rglob("*"):
            if path.is_file() and not path.name.endswith(".tmp"):
                assert HUSH not in path.read_text(), f"a secret stands in clear in {path.name}"
        pending = [(o["type"], o["resource"]["urn"]) for o in latest.get("pending_operations", [])]
        if ended.aborted or pending or _imported_twice(before, self.state()):
            self.doubt = True
        if any(f.kind in ("half", "died", "die", "partial") for f in op.faults):
            self.doubt = True
        if op.verb in ("preview", "preview --refresh", "refresh --preview-only", "move the state"):
            assert [r.urn for r in before] == [r.urn for r in self.state()]
        self._judge_world([_as_asked(r, before, op) for r in before], pending)

    def _judge_world(self, before: list[Resource], pending: list[tuple[str, str]]) -> None:
        recorded = self.recorded()
        self.left_over -= recorded.keys()  # what was imported is ours
        past = {r.id: r for r in before if r.managed}
        ids = {r.urn: r.id for r in before}
        order = {id_: at for at, id_ in enumerate(past)}  # in a state what contains a thing comes before it, and so it goes before it
        forgotten = self.world.things.keys() - recorded.keys() - self.left_over
        for id_ in sorted(forgotten, key=lambda i: (order.get(i, len(order)), i)):
            old = past.get(id_)
            if old is None:
                named = ("creating", self.world.things[id_].urn) in pending
                assert named, f"{id_} was made, and neither state nor pending operations know of it: {pending}"
            elif old.deleted_with and ids.get(old.deleted_with) not in self.world.things:
                self.world.put(id_, None)  # it went with the other
                continue
            else:
                assert old.retain_on_delete, f"{id_} is in the world, and the state has forgotten it"
            self.left_over.add(id_)
        if not self.doubt:
            lost = recorded.keys() - self.world.things.keys()
            assert not lost, f"the state believes in what is gone: {lost}"


def _as_asked(old: Resource, before: list[Resource], op: Op) -> Resource:
    """The resource with the options that a program has for it which runs with a destroy."""
    spec = next((s for s in op.program if s.name == old.name and op.run_program), None)
    if spec is None:
        return old
    within = "" if spec.within is None else next((r.urn for r in before if r.name == op.program[spec.within].name), "")
    return replace(old, retain_on_delete=old.retain_on_delete or spec.retain, deleted_with=within or old.deleted_with)


def _imported_twice(before: list[Resource], after: list[Resource]) -> bool:
    """Whether two resources stand for one imported thing, or one now for what was another's, so that it goes with either."""
    past = {r.id: r.urn for r in before if r.managed}
    one_each = len(past) == sum(r.managed for r in before)
    return not one_each or any(past.get(r.id, r.urn) != r.urn for r in after if r.managed and r.id.startswith(wild(0)[:-1]))


def judge_snapshot(latest: dict[str, Any], crypter: Crypter) -> None:
    """Each entry comes after all that it leans on, no two that live share a URN, no provider dangles, and all can be read."""
    seen: set[str] = set()
    living: set[str] = set()
    references: set[str] = set()
    for entry in latest.get("resources", []):
        r = decode(entry, crypter)
        assert r.leans_on <= seen | {r.urn}, f"{r.urn} comes before {r.leans_on - seen}"
        assert not r.managed or r.provider in references, f"{r.urn}: provider {r.provider} isn't there"
        assert not r.custom or r.id, f"{r.urn} has no id"
        if not r.delete:
            assert r.urn not in living, f"{r.urn} is there twice"
            living.add(r.urn)
        seen.add(r.urn)
        if r.is_provider:
            references.add(f"{r.urn}::{r.id}")
    for operation in latest.get("pending_operations", []):
        decode(operation["resource"], crypter)


def _tell(pipe: int, what: Any) -> None:
    """Say it to the parent in one piece, before anything else happens."""
    _write(pipe, pickle.dumps(what))


_write = os.write
AUDITED = ("open", "os.rename", "os.link", "os.remove", "os.mkdir")
_watch: list[Callable[[str, tuple[Any, ...]], None]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _watch and event in AUDITED:
        _watch[0](event, arguments)


sys.addaudithook(_audit)


class Dying:
    """Kills this process at the numbered point. A write is cut in half."""

    def __init__(self, number: int, root: Path) -> None:
        self.number, self.count, self._root = number, 0, str(root)
        self._lock = threading.Lock()

    def point(self, _what: str, last: Callable[[], Any] = lambda: None) -> None:
        with self._lock:
            self.count += 1
            if self.count == self.number:
                last()
                os.kill(os.getpid(), signal.SIGKILL)

    def audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        ours = isinstance(arguments[0], str | os.PathLike) and os.fspath(arguments[0]).startswith(self._root)
        if ours and (event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            self.point(event)


@contextmanager
def dying_at(number: int, root: Path) -> Iterator[Dying]:
    """Kill this process at the numbered operation: of a file below `root` (open, write, fsync, rename, link, unlink, mkdir), or of
    those that `point` is told of. Only for a process that was forked for it."""
    dying = Dying(number, root)
    fsync, write = os.fsync, os.write

    def dying_fsync(handle: int) -> None:
        dying.point("fsync")
        fsync(handle)

    def dying_write(handle: int, content: bytes) -> int:
        dying.point("write", lambda: write(handle, content[: len(content) // 2]))
        return write(handle, content)

    os.fsync, os.write = dying_fsync, dying_write
    _watch.append(dying.audited)
    try:
        yield dying
    finally:
        os.fsync, os.write = fsync, write
        _watch.clear()
