"""One registration after another: find the old state, check, diff, decide, and hand over to `steps`. Called by the monitor.

Deciding is serial, as in Pulumi; doing runs in as many threads as the gate lets through.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from pulumi.runtime.proto import resource_pb2 as pb

from ..config import Config
from ..deployment.decide import Decision, decide, without_ignored
from ..deployment.gate import Gate, Stopping
from ..deployment.providers import Providers
from ..deployment.steps import Steps
from ..errors import EngineError, ResourceError
from ..events import Journal, Step
from ..plugins.provider import Diff, Provider
from ..state.snapshot import PROVIDER_TYPE, STACK_TYPE, Resource, by_urn, now
from ..values import UNKNOWN, Properties, Secret, any_in, has_unknown
from . import goal


class Registrar:
    def __init__(self, project: str, stack: str, config: Config, steps: Steps, gate: Gate, journal: Journal) -> None:
        self.project, self.stack = project, stack
        self._steps, self._gate, self._journal, self._preview = steps, gate, journal, steps.preview
        self.olds = by_urn(steps.checkpoint.resources())
        self.news: dict[str, Resource] = {}  # what this run has registered, done
        self.seen: set[str] = set()  # what this run has begun to register
        self.claimed: set[str] = set()  # old URNs that a registration of this run took over
        self._stack_outputs: Properties | None = None
        self._old_urns: dict[str, str] = {}
        self._deleted_first: set[str] = set()
        self._providers = Providers(config, steps)
        self._turn = threading.RLock()

    @property
    def root(self) -> str:
        return next((u for u in self.seen if u.split("::")[2] == STACK_TYPE), "")

    def provider(self, reference: str) -> Provider:
        return self._steps.registry.get(reference)

    # -- registering --------------------------------------------------------------------------------------------------

    def register(self, q: pb.RegisterResourceRequest) -> Resource:
        with self._deciding():
            goal.refuse_unsupported(q)
            urn = goal.urn_of(self.project, self.stack, q.type, q.name, q.parent)
            if urn in self.seen:
                raise ResourceError(urn, f"Duplicate resource URN '{urn}'; try giving it a unique name")
            self.seen.add(urn)
            new = goal.new_state(q, urn)
            old = self._find_old(q, urn)
            do = self._decided(q, new, old)
        made = do()
        with self._turn:
            self.news[urn] = made
        return made

    @contextmanager
    def _deciding(self) -> Iterator[None]:
        """One registration's turn. What fails in it ends the operation before the next one has its turn."""
        with self._turn:
            if self._gate.stopped:
                raise Stopping
            try:
                yield
            except EngineError:
                self._gate.stop()
                raise

    def _decided(self, q: pb.RegisterResourceRequest, new: Resource, old: Resource | None) -> Callable[[], Resource]:
        """What is to be done, as a function; the gate is entered already if it takes a provider's time."""
        if not new.custom:
            made = self._component(new, old)
            return lambda: made
        if new.is_provider:
            made = self._providers.register(new, old, q.version)
            return lambda: made
        return self._custom(q, new, old)

    def _component(self, new: Resource, old: Resource | None) -> Resource:
        if old is None:
            new = replace(new, created=now(), modified=now())
            return self._steps.at_once("create", None, new)
        changed = old.inputs != new.inputs and new.type != STACK_TYPE
        new = replace(new, outputs=old.outputs, created=old.created, modified=now() if changed else old.modified)
        return self._steps.at_once("update" if changed else "same", old, new)

    def outputs(self, urn: str, outputs: Properties) -> None:
        """Keep a component's outputs. The stack's own wait for `program_succeeded`: a program that fails leaves the old ones."""
        if urn == self.root:
            self._stack_outputs = outputs
        else:
            self._keep_outputs(urn, outputs)

    def program_succeeded(self) -> None:
        if self._stack_outputs is not None:
            self._keep_outputs(self.root, self._stack_outputs)

    def _keep_outputs(self, urn: str, outputs: Properties) -> None:
        with self._turn:
            old = self.news.get(urn)
            if old is None:
                raise ResourceError(urn, "outputs were registered for a resource that isn't registered")
            new = replace(old, outputs=outputs)
            if old.outputs != outputs:
                self._steps.checkpoint.amend(old, new)
                self.news[urn] = new

    # -- custom resources ---------------------------------------------------------------------------------------------

    def _custom(self, q: pb.RegisterResourceRequest, new: Resource, old: Resource | None) -> Callable[[], Resource]:
        new = replace(new, provider=q.provider or self.default_provider(q.type.split(":")[0], q.version))
        provider = self._steps.registry.get(new.provider)
        if old and new.ignore_changes:
            new = replace(new, inputs=without_ignored(new.inputs, old.inputs, new.ignore_changes))
        asked = new
        new = self._checked(provider, asked, old)
        if old is None or not old.managed:
            if old:
                raise ResourceError(
                    new.urn, "it is in the state as read from outside; taking it over is not supported by the embedded engine"
                )
            return self._doing(Step("create", new.urn, None, new), lambda: self._steps.create(new))
        if old.urn in self._deleted_first:
            fresh = self._checked(provider, asked, None)
            return self._doing(Step("replace", new.urn, old, fresh), lambda: self._steps.create(fresh, "replace", old))
        moved = self._providers.replaced(old, new)
        diff = Diff(None) if moved else self._diff(provider, old, new)
        option = q.deleteBeforeReplace if q.deleteBeforeReplaceDefined else None
        decision = decide(old, new, diff, option, moved)
        if decision.op == "same":
            made = replace(new, id=old.id, outputs=old.outputs, created=old.created, modified=old.modified)
            made = self._steps.at_once("same", old, made)
            return lambda: made
        step = Step(
            "update" if decision.op == "update" else "replace", new.urn, old, new, decision.replace_reasons, decision.diff_reasons,
            decision.detailed,
        )  # fmt: skip
        if decision.op == "update":
            return self._doing(step, lambda: self._steps.update(old, new))
        return self._replacing(step, decision, self._checked(provider, asked, None))

    def _doing(self, step: Step, work: Callable[[], Resource], planned: bool = False) -> Callable[[], Resource]:
        """`work` as a function that holds the gate. `planned`: it puts its step into the plan itself."""
        self._gate.enter()

        def do() -> Resource:
            try:
                made = work()
                if not planned:
                    self._journal.planned(replace(step, new=made))
            except BaseException:
                self._gate.stop()  # before the slot is free: nothing new may slip in
                raise
            else:
                return made
            finally:
                self._gate.leave()

        return do

    def _checked(self, provider: Provider, new: Resource, old: Resource | None) -> Resource:
        seed = hashlib.sha256(new.urn.encode()).digest()
        inputs, failures = provider.check(new, old.inputs if old and old.managed else {}, seed)
        if failures:
            reasons = "; ".join(
                f"property {f.property} value {{{_shown(new.inputs.get(f.property))}}} has a problem: {f.reason}"
                if f.property
                else f.reason
                for f in failures
            )
            raise ResourceError(new.urn, f"{new.type} resource '{new.name}': {reasons}")
        return replace(new, inputs=inputs)

    def _diff(self, provider: Provider, old: Resource, new: Resource) -> Diff:
        if not provider.configured:
            return Diff(None)
        return provider.diff(old, new.inputs, new.ignore_changes)

    # -- replacement --------------------------------------------------------------------------------------------------

    def _replacing(self, step: Step, decision: Decision, new: Resource) -> Callable[[], Resource]:
        old = step.old
        assert old is not None  # noqa: S101 a replacement has what it replaces
        if old.protect:
            message = (
                f'unable to replace resource "{old.urn}" as it is currently marked for protection; remove `protect` and run `up` first'
            )
            error = ResourceError(old.urn, message)
            if not self._preview:
                raise error
            self._journal.failed("replace", old, error)
        if not decision.delete_first:
            return self._doing(step, lambda: self._create_first(old, new))
        first = [] if self._preview and old.protect else self._dependents_to_go(old)
        for dependent in first:
            self._deleted_first.add(dependent.urn)
        return self._doing(step, lambda: self._delete_first(step, old, new, first), planned=True)

    def _create_first(self, old: Resource, new: Resource) -> Resource:
        if old.pending_replacement:
            return self._steps.create(new, "replace", old)
        made = self._steps.create(new, "replace")
        self._steps.checkpoint.amend(old, replace(old, delete=True))
        return made

    def _delete_first(self, step: Step, old: Resource, new: Resource, first: list[Resource]) -> Resource:
        for dependent in first:
            self._delete_for_replacement(dependent)
        if not old.pending_replacement:
            old = self._delete_for_replacement(old)
        self._journal.planned(replace(step, new=new))
        return self._steps.create(new, "replace", old)

    def _delete_for_replacement(self, old: Resource) -> Resource:
        kept = replace(old, pending_replacement=True)
        if old.protect:
            error = ResourceError(
                old.urn, f'resource "{old.urn}" cannot be deleted because it is protected, and what it leans on is replaced'
            )
            self._journal.failed("delete-replaced", old, error)
            raise error
        self._steps.delete(old, "delete-replaced", keep_as=kept)
        self.olds[old.urn] = kept  # without the turn: who has it may be waiting for this step's slot
        return kept

    def _dependents_to_go(self, root: Resource) -> list[Resource]:
        """Those whose replacement a delete-first forces, in the order in which they must go: dependents before what they lean on."""
        going = {root.urn}
        found: list[Resource] = []
        for r in self._steps.checkpoint.resources():
            fresh = r.urn not in self.seen and r.urn not in self._deleted_first and not r.delete
            if fresh and r.managed and self._must_go(r, going):
                going.add(r.urn)
                found.append(r)
        return found[::-1]

    def _must_go(self, r: Resource, going: set[str]) -> bool:
        if r.provider.rpartition("::")[0] in going:
            return True
        touched = {k for k, urns in r.property_dependencies.items() if k in r.inputs and going.intersection(urns)}
        if not touched:
            return False
        inputs = {k: UNKNOWN if k in touched else v for k, v in r.inputs.items()}
        return bool(self._steps.registry.get(r.provider).diff(r, inputs).replaces)

    # -- providers ----------------------------------------------------------------------------------------------------

    def default_provider(self, package: str, version: str) -> str:
        """The reference of the package's default provider, registered on first use."""
        with self._deciding():
            name = "default" + (f"_{version.replace('.', '_').replace('-', '_').replace('+', '_')}" if version else "")
            urn = goal.urn_of(self.project, self.stack, PROVIDER_TYPE + package, name, "")
            if urn not in self.news:
                self.seen.add(urn)
                self.claimed.add(urn)
                new = self._providers.default(package, urn)
                self.news[urn] = self._providers.register(new, self.olds.get(urn), version)
            return f"{urn}::{self.news[urn].id}"

    # -- old state ----------------------------------------------------------------------------------------------------

    def _find_old(self, q: pb.RegisterResourceRequest, urn: str) -> Resource | None:
        for candidate in goal.alias_urns(q, self.project, self.stack, self._old_urns):
            old = self.olds.get(candidate)
            if old and candidate not in self.claimed:
                self.claimed.add(candidate)
                if candidate != urn:
                    self._old_urns[urn] = candidate
                    self._steps.checkpoint.rename(candidate, urn)
                return old
        return None

    def unclaimed(self) -> list[Resource]:
        """What the state has and the program didn't register, and what earlier runs left to be deleted."""
        return [r for r in self._steps.checkpoint.resources() if r.delete or (r.urn in self.olds and r.urn not in self.seen)]


def _shown(value: Any) -> str:
    if any_in(value, lambda x: isinstance(x, Secret)):
        return "[secret]"
    return "unknown" if has_unknown(value) else str(value)
