"""Refresh: ask each provider what the world looks like, and take that into the state."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ..deployment.gate import Gate, Stopping
from ..deployment.pool import at_once
from ..deployment.steps import Steps
from ..errors import EngineError
from ..events import Op, Step
from ..state.snapshot import Resource, now
from ..values import mark_like


def refresh_all(resources: list[Resource], steps: Steps, gate: Gate, parallel: int) -> None:
    """Read everything that a provider made, all at once; one that can't be read stays as it is, and the others go on."""
    at_once([partial(_refresh, r, steps, gate) for r in resources], parallel, "refresh")
    _forget_the_vanished(steps)


def _refresh(old: Resource, steps: Steps, gate: Gate) -> None:
    if old.delete:
        return
    if not old.custom or old.is_provider or old.pending_replacement:
        since = steps.journal.started("refresh", old)
        steps.journal.planned(Step("same", old.urn, old, old))
        steps.journal.finished("refresh", old, since)
        return
    try:
        with gate.step():
            _read(old, steps)
    except Stopping:
        return
    except EngineError as e:
        steps.journal.failed("refresh", old, e)


def _read(old: Resource, steps: Steps) -> None:
    since = steps.journal.started("refresh", old)
    id_, inputs, outputs = steps.registry.get(old.provider).read(old)
    wanted = steps.checkpoint.wanted.get(old.urn, {})  # what an update that may have been done made secret is so in what is read
    inputs, outputs = mark_like(inputs, wanted), mark_like(outputs, wanted)
    op: Op
    if not id_:
        op, new = "delete", None
        steps.checkpoint.drop(old)
    elif inputs == old.inputs and outputs == old.outputs and id_ == old.id:
        op, new = "same", old
    else:  # of what is only read, the outputs alone say whether it has changed
        op = "same" if old.external and outputs == old.outputs else "update"
        new = replace(old, id=id_, inputs=inputs, outputs=outputs, modified=now(), init_errors=())
        steps.checkpoint.amend(old, new)
    if new is not old:
        steps.checkpoint.saved()
    steps.journal.planned(Step(op, old.urn, old, new))
    steps.journal.finished("refresh" if op == "same" else op, old, since)


def _forget_the_vanished(steps: Steps) -> None:
    """Nothing in the state leans any more on what the world has lost; empty lists go with it, as in the CLI's refresh."""
    left = steps.checkpoint.resources()
    urns = {r.urn for r in left}
    for r in left:
        properties = {k: found for k, us in r.property_dependencies.items() if (found := [u for u in us if u in urns])}
        if properties != r.property_dependencies or not r.leans_on <= urns:
            kept = tuple(u for u in r.dependencies if u in urns)
            deleted_with = r.deleted_with if r.deleted_with in urns else ""
            steps.checkpoint.amend(r, replace(r, dependencies=kept, deleted_with=deleted_with, property_dependencies=properties))
