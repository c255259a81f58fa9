"""Replacing a resource, in both orders: its replacement first, or its delete (and that of what it takes with it) first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..deployment.decide import Decision
from ..deployment.deployment import Deployment
from ..deployment.gate import Stopping
from ..deployment.targets import not_targeted
from ..errors import ResourceError
from ..events import Step
from ..state.snapshot import Resource
from ..values import UNKNOWN


class Replacements:
    def __init__(self, deployment: Deployment) -> None:
        self._d, self._steps = deployment, deployment.steps

    def replacing(self, step: Step, decision: Decision) -> Callable[[], Resource]:
        """What replaces `step.old` by `step.new`, as a function that holds the gate."""
        d, old, new = self._d, step.old, step.new
        assert old is not None and new is not None  # noqa: S101 a replacement has both
        if old.protect and new.protect:
            d.refuse_protected("replace", old)
        d.replaced.add(new.urn)
        if not decision.delete_first:
            return d.doing(step, lambda: self.create_first(old, new))
        first = [] if d.preview and old.protect and new.protect else self._dependents_to_go(old)
        for dependent in first:
            if not d.selection.takes(dependent):
                raise not_targeted(dependent.urn)
            d.deleted_first.add(dependent.urn)
        return d.doing(step, lambda: self._delete_first(step, old, new, first), planned=True)

    def create_first(self, old: Resource, new: Resource) -> Resource:
        """Make the new one; the old one goes in the end."""
        if old.pending_replacement:
            return self._steps.create(new, "replace", old)
        return self._steps.create(new, "replace", beside=old)

    def _delete_first(self, step: Step, old: Resource, new: Resource, first: list[Resource]) -> Resource:
        going = {r.urn for r in (old, *first) if not r.retain_on_delete}
        along = [r for r in first if r.deleted_with in going]  # they go with what contains them, by no call of their own
        for dependent in first:
            if dependent.protect:
                self._refuse_dependent(dependent)
            if dependent not in along:
                self._delete_for_replacement(dependent)
        if not old.pending_replacement:
            old = self._delete_for_replacement(old)
        for contained in along:
            self._delete_for_replacement(contained, without_call=True)
        self._go_on()
        self._d.journal.planned(replace(step, new=new))
        return self._steps.create(new, "replace", old)

    def _refuse_dependent(self, r: Resource) -> None:
        error = ResourceError(r.urn, f'resource "{r.urn}" cannot be deleted because it is protected, and what it leans on is replaced')
        self._d.journal.failed("delete-replaced", r, error)
        raise error

    def _delete_for_replacement(self, old: Resource, without_call: bool = False) -> Resource:
        kept = replace(old, pending_replacement=True)
        self._go_on()
        self._steps.delete(old, "delete-replaced", without_call, keep_as=kept)
        self._d.olds[old.urn] = kept  # without the turn: who has it may be waiting for this step's slot
        return kept

    def _go_on(self) -> None:
        """Whether the next thing may go: what is being made beside it ends first, and if that fails, nothing more is destroyed."""
        self._steps.wait_made()
        failed = self._d.journal.failures > 0 and not (self._d.preview or self._d.mode.continues)  # it is counted before the gate is closed
        if failed or self._d.gate.stopped:
            raise Stopping

    def _dependents_to_go(self, root: Resource) -> list[Resource]:
        """Those whose replacement a delete-first forces, in the order in which they must go: dependents before what they lean on."""
        going = {root.urn}
        found: list[Resource] = []
        for r in self._steps.checkpoint.resources():
            fresh = r.urn not in self._d.seen and r.urn not in self._d.deleted_first and not r.delete
            if fresh and r.managed and (root.urn in r.replace_with or self._must_go(r, going)):
                going.add(r.urn)
                found.append(r)
        return found[::-1]

    def _must_go(self, r: Resource, going: set[str]) -> bool:
        if r.provider.rpartition("::")[0] in going or r.deleted_with in going:
            return True
        touched = {k for k, urns in r.property_dependencies.items() if k in r.inputs and going.intersection(urns)}
        if not touched:
            return False
        inputs = {k: UNKNOWN if k in touched else v for k, v in r.inputs.items()}
        return bool(self._steps.registry.get(r.provider).diff(r, inputs).replaces)
