"""Deleting in layers: all that nothing else leans on goes at once, and the next layer waits for the whole one before."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from ..deployment.gate import Gate, Stopping
from ..deployment.steps import Steps
from ..errors import EngineError, InDoubtError, ResourceError
from ..events import Op, Step
from ..state.snapshot import Resource


def layers(doomed: list[Resource]) -> list[list[Resource]]:
    """What may go at once, first to last. Each entry leans on none that goes before it."""
    left = list(doomed)
    out: list[list[Resource]] = []
    while left:
        leaned_on = {u for r in left for u in r.leans_on if u != r.urn}
        layer = [r for r in left if r.urn not in leaned_on] or left  # a circle in damaged state goes as one
        out.append(layer)
        left = [r for r in left if r not in layer]
    return out


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
    urns = {r.urn for r in doomed}
    failed: set[str] = set()

    def one(r: Resource) -> None:
        if not _delete(r, urns, steps, gate, continues):
            failed.add(r.urn)

    with ThreadPoolExecutor(parallel, "delete") as pool:
        for layer in layers(doomed):
            if gate.stopped:
                return
            needed = needed_by(failed, doomed) if failed else set()
            running: list[Future[None]] = [pool.submit(one, r) for r in layer if r.urn not in needed]
            for future in running:
                future.result()


def _delete(old: Resource, urns: set[str], steps: Steps, gate: Gate, continues: bool) -> bool:
    """Whether it is gone."""
    op: Op = "delete-replaced" if old.delete else "delete"
    try:
        with gate.step():
            if old.protect and not old.delete:
                _refuse_protected(old, steps)
                return False
            gone_with = old.deleted_with in urns or old.pending_replacement
            steps.delete(old, op, without_call=gone_with)
            if not (old.delete and steps.preview):
                steps.journal.planned(Step(op, old.urn, old, None), counted=not old.pending_replacement)
    except Stopping:
        return False
    except EngineError as e:
        if not e.told:
            steps.journal.failed(op, old, e)
        if not continues or isinstance(e, InDoubtError):
            gate.stop()
        return False
    return True


def _refuse_protected(old: Resource, steps: Steps) -> None:
    """A preview names them all; an update stops at the first."""
    error = ResourceError(
        old.urn, f'resource "{old.urn}" cannot be deleted because it is protected; remove `protect=True` and run `up` before'
    )
    if not steps.preview:
        raise error
    steps.journal.failed("delete", old, error)
    steps.journal.planned(Step("delete", old.urn, old, None), counted=False)
