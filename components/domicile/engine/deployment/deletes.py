"""Deleting in layers: all that nothing else leans on goes at once, and the next layer waits for the whole one before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ..deployment.gate import Gate, Stopping
from ..deployment.pool import at_once
from ..deployment.steps import Steps
from ..errors import EngineError, InDoubtError, ResourceError
from ..events import Op, Step
from ..state.snapshot import Resource


@dataclass
class Delete:
    """One thing's delete, and the entries that are forgotten with it: what it contains goes with it, by no call of its own.

    Only once it is gone are they forgotten: until then they are things in the world like any other.
    """

    old: Resource
    along: list[Resource] = field(default_factory=list)

    @property
    def leans_on(self) -> set[str]:
        return set().union(*(r.leans_on for r in (self.old, *self.along))) - self.urns

    @property
    def urns(self) -> set[str]:
        return {r.urn for r in (self.old, *self.along)}


def deletes(doomed: list[Resource], surviving: set[str]) -> list[Delete]:
    """What is to be deleted, with what goes along (`deleted_with`) beside it. `surviving` are the URNs that live on."""
    hosts = {
        r.urn: r for r in sorted(doomed, key=lambda r: not r.delete) if r.urn not in surviving and not (r.retain_on_delete or r.external)
    }

    def host(r: Resource) -> Resource:
        above = hosts.get(r.deleted_with)
        return r if above is None or r.protect or above is r else host(above)

    found = {r: Delete(r) for r in doomed if host(r) is r}
    for r in doomed:
        if r not in found:
            found[host(r)].along.append(r)
    return list(found.values())


def layers(doomed: list[Delete]) -> list[list[Delete]]:
    """What may go at once, first to last. Each entry leans on none that goes before it."""
    left = list(doomed)
    out: list[list[Delete]] = []
    while left:
        layer = _free(left, lambda d: d.leans_on) or _free(left, lambda d: d.old.leans_on) or left  # a circle in damaged state goes as one
        out.append(layer)
        left = [d for d in left if d not in layer]
    return out


def _free(left: list[Delete], leaning: Callable[[Delete], set[str]]) -> list[Delete]:
    leaned_on = {u for d in left for u in leaning(d) - {d.old.urn}}
    return [d for d in left if not d.urns & leaned_on]


def needed_by(urns: set[str], resources: list[Resource]) -> set[str]:
    """The URNs of all that the entries of these URNs lean on, near and far."""
    found: set[str] = set()
    todo = set(urns)
    while todo:
        more = {u for r in resources if r.urn in todo for u in r.leans_on}
        todo = more - found
        found |= more
    return found


def delete_all(doomed: list[Resource], steps: Steps, gate: Gate, parallel: int, continues: bool = False) -> None:
    """Delete them, dependents first. A failure lets its layer's other steps end, and withholds the rest.

    `continues`: it withholds only what the failed one leans on.
    """
    surviving = {r.urn for r in steps.checkpoint.resources()} - {r.urn for r in doomed if not r.delete}
    failed: set[str] = set()

    def one(d: Delete) -> None:
        if not _delete(d, steps, gate, continues):
            failed.update(d.urns)

    for layer in layers(deletes(doomed, surviving)):
        if gate.stopped:
            return
        needed = needed_by(failed, doomed) if failed else set()
        at_once([partial(one, d) for d in layer if not d.urns & needed], parallel, "delete")


def _delete(d: Delete, steps: Steps, gate: Gate, continues: bool) -> bool:
    """Whether it is gone."""
    old = d.old
    op = _op(old)
    try:
        with gate.step():
            if old.protect and not old.delete:
                _refuse_protected(old, steps)
                return False
            steps.delete(old, op, without_call=old.pending_replacement, along=d.along)
            for each in (*d.along, old):
                _plan(each, steps)
    except Stopping:
        return False
    except EngineError as e:
        if not e.told:
            steps.journal.failed(op, old, e)
        if not continues or isinstance(e, InDoubtError):
            gate.stop()
        return False
    return True


def _op(old: Resource) -> Op:
    if old.external:
        return "discard-replaced" if old.delete else "discard"
    return "delete-replaced" if old.delete else "delete"


def _plan(old: Resource, steps: Steps) -> None:
    if not (old.delete and steps.preview):
        steps.journal.planned(Step(_op(old), old.urn, old, None), counted=not old.pending_replacement)


def _refuse_protected(old: Resource, steps: Steps) -> None:
    """A preview names them all; an update stops at the first."""
    error = ResourceError(
        old.urn, f'resource "{old.urn}" cannot be deleted because it is protected; remove `protect=True` and run `up` before'
    )
    if not steps.preview:
        steps.journal.started("delete", old)
        raise error
    steps.journal.failed("delete", old, error)
    steps.journal.planned(Step("delete", old.urn, old, None), counted=False)
