"""One registration after another, handed to the part that knows its kind. Called by the monitor.

Deciding is serial, as in Pulumi; doing runs in as many threads as the gate lets through.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from pulumi.runtime.proto import resource_pb2 as pb

from ..assets import alike
from ..config import Config
from ..deployment.custom import CustomResources
from ..deployment.deletes import needed_by
from ..deployment.deployment import Deployment, Mode
from ..deployment.gate import Gate
from ..deployment.hooks import Kind
from ..deployment.imports import Imports, is_import
from ..deployment.policies import Policies
from ..deployment.reads import Reads
from ..deployment.skips import Skips
from ..deployment.steps import Steps
from ..deployment.targets import doomed
from ..errors import ResourceError, UnsupportedError
from ..events import Journal, Step
from ..plugins.provider import Provider
from ..state.snapshot import STACK_TYPE, Resource, now
from ..values import UNKNOWN, Properties, has_unknown
from . import destroying as destroys
from . import goal


class Registrar:
    def __init__(
        self, project: str, stack: str, folder: Path, config: Config, steps: Steps, gate: Gate, journal: Journal, policies: Policies,
        mode: Mode,
    ) -> None:  # fmt: skip
        self.project, self.stack = project, stack
        self._d = Deployment(project, stack, folder, config, steps, gate, journal, policies, mode)
        self._skips = Skips(self._d)
        self._custom, self._imports, self._reads = CustomResources(self._d), Imports(self._d), Reads(self._d)
        self._stack_outputs: Properties | None = None
        self._open: dict[str, tuple[Kind, Resource | None]] = {}  # components whose hooks after wait for their outputs

    @property
    def root(self) -> str:
        return self._d.root

    def provider(self, reference: str) -> Provider:
        return self._d.steps.registry.get(reference)

    def default_provider(self, package: str, version: str) -> str:
        """The reference of the package's default provider, registered on first use."""
        return self._d.default_provider(package, version)

    def skipped(self, urn: str) -> bool:
        """Whether it isn't there and wasn't made: its outputs are unknown."""
        return urn in self._d.skipped

    def failed(self, urn: str) -> bool:
        """Whether it failed, or leans on what failed, and the operation goes on without it."""
        return urn in self._skips.failed

    def doomed(self) -> list[Resource]:
        """What the state has and the program didn't register, and what earlier runs left to be deleted: as far as it may go.

        Raises NotTargetedError.
        """
        resources = self._d.steps.checkpoint.resources()
        failed = self._skips.failed
        needed = needed_by(failed | {self._d.old_urns.get(urn, urn) for urn in failed}, resources)
        return [r for r in doomed(self._d.unclaimed(), resources, self._d.mode.targets) if r.urn not in needed]

    def unknown_targets(self) -> list[str]:
        """What is to be said of targets that neither the state nor the program has."""
        return self._d.mode.targets.unknown({*self._d.olds, *self._d.seen})

    def judge_stack(self) -> None:
        """Ask the stack rules of the policy packs about all that this run has registered and done."""
        self._d.policies.judge_stack([r for r in self._d.news.values() if r.urn not in self._d.skipped])

    def register(self, q: pb.RegisterResourceRequest) -> Resource:
        urn, do = self._d.decide(lambda: self._begun(q))
        return self._noted(urn, do())

    def _begun(self, q: pb.RegisterResourceRequest) -> tuple[str, Callable[[], Resource]]:
        goal.refuse_unsupported(q)
        urn = self._d.begin(q.type, q.name, q.parent)
        new, old = goal.new_state(q, urn), self._d.find_old(q, urn)
        new = replace(new, inputs=self._d.hashed(urn, new.inputs))
        self._d.policies.asked(new, q, goal.alias_urns(q, self.project, self.stack, self._d.old_urns))
        if skipped := self._skips.answer(q, new, old):
            return urn, lambda: skipped
        return urn, self._surviving(new, old, lambda: self._decided(q, new, old))

    def read(self, q: pb.ReadResourceRequest) -> Resource:
        """Look at what is there already (`.get`)."""
        urn, do = self._d.decide(lambda: self._read_begun(q))
        return self._noted(urn, do())

    def _read_begun(self, q: pb.ReadResourceRequest) -> tuple[str, Callable[[], Resource]]:
        if q.packageRef:
            raise UnsupportedError("a parameterized or local package", f"{q.type} {q.name!r}")
        urn = self._d.begin(q.type, q.name, q.parent)
        new, old = self._reads.goal(q, urn)
        if skipped := self._skips.without_failed(new):
            return urn, lambda: skipped
        return urn, self._surviving(new, old, lambda: self._reads.decided(new, old))

    def _noted(self, urn: str, made: Resource) -> Resource:
        with self._d.noting():
            self._d.news[urn] = made
        return made

    def _surviving(self, new: Resource, old: Resource | None, decided: Callable[[], Callable[[], Resource]]) -> Callable[[], Resource]:
        """What `decided` gives; a failure is answered with the resource as it was asked for, if the operation goes on without it."""
        try:
            do = decided()
        except ResourceError as e:
            failed = self._skips.fail(new, old, e)
            return lambda: failed

        def done() -> Resource:
            try:
                return do()
            except ResourceError as e:
                return self._skips.fail(new, old, e)

        return done

    def _decided(self, q: pb.RegisterResourceRequest, new: Resource, old: Resource | None) -> Callable[[], Resource]:
        """What is to be done, as a function; the gate is entered already if it takes a provider's time."""
        if self._d.mode.destroying and (left := destroys.left_alone(self._d, q, new, old)):
            return lambda: left
        if not new.custom:
            return self._component(self._d.policies.governed(new), old)
        if new.is_provider:
            made = self._d.providers.register(new, old, q.version, self._d.mode.targets.replaces(new.urn))
            if old and old.id != made.id:
                self._d.replaced.add(made.urn)
            return lambda: made
        new = replace(new, provider=q.provider or self._d.default_provider(goal.package_of(q.type), q.version))
        if is_import(new, old):
            return self._importing(q, new, self._imports.decided(new, old))
        return self._custom.decided(q, new, old)

    def _importing(self, q: pb.RegisterResourceRequest, new: Resource, do_import: Callable[[], Resource]) -> Callable[[], Resource]:
        """The import, and then what is to be done with the thing as it was found."""

        def do() -> Resource:
            found = do_import()
            return self._d.decide(lambda: self._custom.decided(q, new, found, imported=True))()

        return do

    def _component(self, new: Resource, old: Resource | None) -> Callable[[], Resource]:
        steps = self._d.steps
        if old is None:
            new = replace(new, created=now(), modified=now())
            return self._hooked("Create", None, new, lambda: steps.at_once("create", None, new))
        changed = not alike(old.inputs, new.inputs) and new.type != STACK_TYPE
        new = replace(new, outputs=old.outputs, created=old.created, modified=now() if changed else old.modified)
        if changed:
            return self._hooked("Update", old, new, lambda: steps.at_once("update", old, new))
        made = steps.at_once("same", old, new)
        return lambda: made

    def _hooked(self, kind: Kind, old: Resource | None, new: Resource, work: Callable[[], Resource]) -> Callable[[], Resource]:
        """The work at once if the component has no hooks, else as a step: hooks before it, and those after it once it has its outputs."""
        if not new.resource_hooks:
            made = work()
            return lambda: made

        def do() -> Resource:
            self._d.steps.hooks.before(kind, old, new)
            self._open[new.urn] = (kind, old)
            return work()

        return self._d.doing(Step("same", new.urn, old, new), do, planned=True)

    def outputs(self, urn: str, outputs: Properties) -> None:
        """Keep a component's outputs. The stack's own wait for `program_succeeded`: a program that fails leaves the old ones."""
        outputs = self._d.hashed(urn, outputs)
        if urn == self.root:
            self._stack_outputs = outputs
        elif self._skips.knows_outputs(urn):
            new = self._keep_outputs(urn, outputs)
            if urn in self._open:
                kind, old = self._open.pop(urn)
                self._d.steps.hooks.after(kind, old, new)

    def program_succeeded(self) -> None:
        if self._stack_outputs is not None:
            self._keep_outputs(self.root, self._stack_outputs)

    def _keep_outputs(self, urn: str, outputs: Properties) -> Resource:
        with self._d.noting():
            old = self._d.news.get(urn)
            if old is None:
                raise ResourceError(urn, "outputs were registered for a resource that isn't registered")
            if not self._d.preview:  # what follows from what the program wasn't told stays as it was
                unknown = {k for k, v in outputs.items() if has_unknown(v)}
                outputs = {k: v for k, v in {**outputs, **{k: old.outputs.get(k, UNKNOWN) for k in unknown}}.items() if v != UNKNOWN}
            new = replace(old, outputs=outputs)
            if old.outputs != outputs:
                self._d.steps.checkpoint.amend(old, new)
                self._d.news[urn] = new
            return new
