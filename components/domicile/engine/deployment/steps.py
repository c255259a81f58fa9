"""Doing it: create, update, replace and delete one resource, with the state written before and after each call.

What to do was decided in `decide`; who comes when is decided in `registrar` and `deletes`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ..deployment.decide import Decision
from ..deployment.hooks import Hooks, Kind
from ..errors import EngineError, ResourceInitError
from ..events import Journal, Op, Step
from ..plugins.registry import Registry
from ..state.checkpoint import Checkpoint
from ..state.snapshot import Resource, now
from ..values import UNKNOWN


@dataclass
class Steps:
    checkpoint: Checkpoint
    registry: Registry
    journal: Journal
    preview: bool
    hooks: Hooks
    _making: set[Resource] = field(default_factory=set)
    _made: threading.Condition = field(default_factory=threading.Condition)

    def wait_made(self) -> None:
        """Wait until what is being created or updated at this moment has ended."""
        with self._made:
            before = set(self._making)
            self._made.wait_for(lambda: not before & self._making)

    def at_once(self, op: Op, old: Resource | None, new: Resource, why: Decision | None = None) -> Resource:
        """A step that needs no provider's time."""
        since = self.journal.started(op, new)
        self.checkpoint.supersede(old, new)
        why = why or Decision("same")
        self.journal.planned(Step(op, new.urn, old, new, diff_reasons=why.diff_reasons, detailed_diff=why.detailed))
        self.journal.finished(op, new, since)
        return new

    def create(self, new: Resource, op: str = "create", over: Resource | None = None, beside: Resource | None = None) -> Resource:
        """Make the thing. `over` is the old entry that goes with it: of a resource that was deleted first.

        `beside` is the old entry of a thing that lives until the new one is made: from that write on it is to be deleted.
        """
        provider = self.registry.get(new.provider)

        def work() -> Resource:
            if self.preview and not provider.previews:
                return replace(new, id=UNKNOWN, outputs=dict(new.inputs))
            made = provider.create(new, self.preview)
            return replace(new, id=UNKNOWN if self.preview else made.id, outputs=made.outputs, created=now(), modified=now())

        return self.step(op, "creating", new, over, work, "Create", beside)

    def update(self, old: Resource, new: Resource) -> Resource:
        provider = self.registry.get(new.provider)
        new = replace(new, id=old.id, created=old.created)

        def work() -> Resource:
            if self.preview and not provider.previews:
                return replace(new, outputs=dict(new.inputs))
            made = provider.update(old, new, self.preview)
            return replace(new, outputs=made.outputs, modified=now())

        return self.step("update", "updating", new, old, work, "Update")

    def step(
        self, op: str, pending: str, new: Resource, old: Resource | None, work: Callable[[], Resource], kind: Kind | None = None,
        beside: Resource | None = None,
    ) -> Resource:  # fmt: skip
        """`work` as a step: named in the state while it runs; then what it gives stands there, in the place of `old` if there is one.

        `kind` says which of the resource's hooks it calls; a read and an import have none. `beside` is from then on to be deleted.
        """
        since = self.journal.started(op, new)
        was = old if kind == "Update" else None
        with self._made:
            self._making.add(new)
        try:
            if kind:
                self.hooks.before(kind, was, new)
            with self.checkpoint.under_way(pending, _named(new, old or beside)):
                try:
                    made = self.hooks.retrying(kind.lower(), was, new, work) if kind else work()
                except ResourceInitError as e:
                    self.checkpoint.supersede(old, _made_in_part(was, new, e), beside=beside)
                    raise
                self.checkpoint.supersede(old, made, beside=beside)
        except EngineError as e:
            self.journal.failed(op, new, e)
            raise
        finally:
            with self._made:
                self._making.remove(new)
                self._made.notify_all()
        if kind:
            self.hooks.after(kind, was, made)
        self.journal.finished(op, new, since)
        return made

    def delete(
        self, old: Resource, op: str, without_call: bool = False, keep_as: Resource | None = None, along: Sequence[Resource] = ()
    ) -> None:
        """Remove the thing and its entry. `without_call` leaves the thing; `keep_as` is the entry that stays in its place.

        The entries `along` are of what the thing contains: they are dropped once it is gone.
        """
        since = [self.journal.started(op, each) for each in (*along, old)][-1]
        try:
            for each in (*along, old):
                self.hooks.before("Delete", each, None)
            with self.checkpoint.under_way("deleting", old):
                if old.managed and not (without_call or self.preview or old.retain_on_delete):
                    provider = self.registry.get(old.provider)
                    self.hooks.retrying("delete", old, None, lambda: provider.delete(old))
                if keep_as:
                    self.checkpoint.amend(old, keep_as)
                else:
                    for each in (*along, old):
                        self.checkpoint.drop(each)
        except EngineError as e:
            self.journal.failed(op, old, e)
            raise
        for each in (*along, old):
            self.hooks.after("Delete", each, None)
            self.journal.finished(op, each, since)


def _named(new: Resource, old: Resource | None) -> Resource:
    """The resource as a pending operation names it: with the URN of before too, if an alias gives it another."""
    return replace(new, id="", other={"aliases": [old.urn]} if old and old.urn != new.urn else {})


def _made_in_part(old: Resource | None, new: Resource, error: ResourceInitError) -> Resource:
    """A thing that is there but not right yet. An update keeps the old inputs, so that the next run sees the change again."""
    return replace(
        new,
        id=error.id or new.id,
        inputs=old.inputs if old else dict(error.inputs),
        outputs=dict(error.outputs),
        init_errors=tuple(error.reasons),
        created=new.created or now(),
        modified=now(),
    )
