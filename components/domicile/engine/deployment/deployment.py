"""What the parts of one deployment share: the old state, what was registered so far, and how a step is begun."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pulumi.runtime.proto import resource_pb2 as pb

from ..assets import AssetError, hashed
from ..config import Config
from ..deployment.gate import Decided, Gate
from ..deployment.policies import Policies
from ..deployment.providers import Providers
from ..deployment.steps import Steps
from ..deployment.targets import ALL, Selection, Targets
from ..errors import EngineError, InDoubtError, ResourceError
from ..events import Journal, Op, Step
from ..state.snapshot import PROVIDER_TYPE, STACK_TYPE, Resource, by_urn
from ..values import Properties
from . import goal


@dataclass(frozen=True)
class Mode:
    """How a deployment goes. `continues` goes on after a failure with what doesn't lean on it.

    `destroying`: the program only says what is there; nothing of it is made or changed.
    """

    targets: Targets = ALL
    continues: bool = False
    destroying: bool = False


class Deployment:
    def __init__(
        self, project: str, stack: str, folder: Path, config: Config, steps: Steps, gate: Gate, journal: Journal, policies: Policies,
        mode: Mode,
    ) -> None:  # fmt: skip
        self.project, self.stack, self.mode = project, stack, mode
        self._folder = folder  # the program's, from which assets' paths lead
        self.steps, self.gate, self.journal, self.preview = steps, gate, journal, steps.preview
        self.policies = policies
        self.providers = Providers(config, steps, policies)
        self.olds = by_urn(steps.checkpoint.resources())
        self.news: dict[str, Resource] = {}  # what this run has registered, done
        self.seen: set[str] = set()  # what this run has begun to register
        self.root = ""  # of that, the stack itself
        self.claimed: dict[str, str] = {}  # old URN that a registration of this run took over -> its URN now
        self.old_urns: dict[str, str] = {}  # URN of this run -> the one that its resource was found under
        self.deleted_first: set[str] = set()
        self.replaced: set[str] = set()  # URNs that this run replaces, in either order
        self.selection = Selection(mode.targets)
        self.skipped: set[str] = set()  # what isn't there and isn't made: it isn't targeted, or the run destroys; and what leans on that
        self._notes = threading.Lock()
        policies.find = lambda urn: self.news.get(urn) or self.olds.get(urn)

    def decide(self, work: Callable[[], Decided]) -> Decided:
        """What `work` gives, in one registration's turn. What fails in it ends the operation before the next one has its turn."""

        def turn() -> Decided:
            try:
                return work()
            except EngineError as e:
                if not self.survives(e):
                    self.gate.stop()
                raise

        return self.gate.decide(turn)

    @contextmanager
    def noting(self) -> Iterator[None]:
        """For writing down what is done already, also after a failure elsewhere."""
        with self._notes:
            yield

    def survives(self, error: BaseException) -> bool:
        """Whether what doesn't lean on the failed resource goes on. A step in doubt ends it all."""
        return self.mode.continues and isinstance(error, ResourceError) and not isinstance(error, InDoubtError)

    def hashed(self, urn: str, properties: Properties) -> Properties:
        """The properties with the hash of each asset in them; ResourceError if one can't be read."""
        try:
            found: Properties = hashed(properties, self._folder)
        except AssetError as e:
            raise ResourceError(urn, str(e)) from e
        return found

    def begin(self, type_: str, name: str, parent: str) -> str:
        """The URN of what the program asks for now; ResourceError if it has asked for that before."""
        urn = goal.urn_of(self.project, self.stack, type_, name, parent)
        if urn in self.seen:
            raise ResourceError(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
        self.seen.add(urn)
        if type_ == STACK_TYPE:
            self.root = urn
        return urn

    def find_old(self, q: pb.RegisterResourceRequest, urn: str) -> Resource | None:
        """The old state of what is registered, under its own URN or else one of its aliases; nobody else may claim it then."""
        if other := self.claimed.get(urn):
            raise ResourceError(urn, f"Duplicate resource URN '{urn}' conflicting with an alias of '{other}'; drop the alias or rename one")
        for candidate in (urn, *goal.alias_urns(q, self.project, self.stack, self.old_urns)):
            if old := self.olds.get(candidate):
                if candidate != urn:
                    self._take_over(candidate, urn)
                self.claimed[candidate] = urn
                return old
        return None

    def _take_over(self, old_urn: str, urn: str) -> None:
        if other := self.claimed.get(old_urn) or (old_urn if old_urn in self.seen else ""):
            raise ResourceError(
                urn, f"Duplicate resource alias '{old_urn}' applied to '{urn}', conflicting with '{other}'; drop it from one"
            )
        self.old_urns[urn] = old_urn

    def unclaimed(self) -> list[Resource]:
        """What the state has and the program didn't register, and what earlier runs left to be deleted."""
        known, former = self.seen | self.claimed.keys(), self.steps.checkpoint.former

        def dropped(urn: str) -> bool:
            return urn in self.olds and urn not in known

        return [r for r in self.steps.checkpoint.resources() if r.delete or (r.urn not in known and dropped(former(r.urn)))]

    def default_provider(self, package: str, version: str) -> str:
        """The reference of the package's default provider, registered on first use."""
        name = "default" + (f"_{version.replace('.', '_').replace('-', '_').replace('+', '_')}" if version else "")
        urn = goal.urn_of(self.project, self.stack, PROVIDER_TYPE + package, name, "")

        def registered() -> Resource:
            if urn not in self.news:
                self.seen.add(urn)
                self.claimed[urn] = urn
                new = self.providers.default(package, urn)
                self.news[urn] = self.providers.register(new, self.olds.get(urn), version)
            return self.news[urn]

        return f"{urn}::{self.decide(registered).id}"

    def refuse_protected(self, op: Op, old: Resource) -> None:
        """Raise ResourceError, as `old` may not go; a preview names it and goes on, so that all of them are named."""
        message = f'unable to replace resource "{old.urn}" as it is currently marked for protection; remove `protect` and run `up` first'
        error = ResourceError(old.urn, message)
        if not self.preview:
            raise error
        self.journal.failed(op, old, error)

    def doing(self, step: Step, work: Callable[[], Resource], planned: bool = False) -> Callable[[], Resource]:
        """`work` as a function that holds the gate. `planned`: it puts its step into the plan itself."""
        self.gate.enter()

        def do() -> Resource:
            try:
                made = work()
                if not planned:
                    self.journal.planned(replace(step, new=made))
            except BaseException as e:
                if not self.survives(e):
                    self.gate.stop()  # before the slot is free: nothing new may slip in
                raise
            else:
                return made
            finally:
                self.gate.leave()

        return do
