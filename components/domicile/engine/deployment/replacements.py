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

    def replacing(self, step: Step, decision: Decision, new: Resource) -> Callable[[], Resource]:
        """What replaces `step.old` by `new`, as a function that holds the gate."""
        d, old = self._d, step.old
        assert old is not None  # noqa: S101 a replacement has what it replaces
        if old.protect:
            message = (
                f'unable to replace resource "{old.urn}" as it is currently marked for protection; remove `protect` and run `up` first'
            )
            error = ResourceError(old.urn, message)
            if not d.preview:
                raise error
            d.journal.failed("replace", old, error)
        if not decision.delete_first:
            return d.doing(step, lambda: self._create_first(old, new))
        first = [] if d.preview and old.protect else self._dependents_to_go(old)
        for dependent in first:
            if not d.selection.takes(dependent):
                raise not_targeted(dependent.urn)
            d.deleted_first.add(dependent.urn)
        return d.doing(step, lambda: self._delete_first(step, old, new, first), planned=True)

    def _create_first(self, old: Resource, new: Resource) -> Resource:
        if old.pending_replacement:
            return self._steps.create(new, "replace", old)
        return self._steps.create(new, "replace", beside=old)

    def _delete_first(self, step: Step, old: Resource, new: Resource, first: list[Resource]) -> Resource:
        for dependent in first:
            self._delete_for_replacement(dependent)
        if not old.pending_replacement:
            old = self._delete_for_replacement(old)
        self._go_on()
        self._d.journal.planned(replace(step, new=new))
        return self._steps.create(new, "replace", old)

    def _delete_for_replacement(self, old: Resource) -> Resource:
        kept = replace(old, pending_replacement=True)
        if old.protect:
            error = ResourceError(
                old.urn, f'resource "{old.urn}" cannot be deleted because it is protected, and what it leans on is replaced'
            )
            self._d.journal.failed("delete-replaced", old, error)
            raise error
        self._go_on()
        self._steps.delete(old, "delete-replaced", keep_as=kept)
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
