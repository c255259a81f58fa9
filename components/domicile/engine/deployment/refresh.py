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
    _without_empty_lists(steps)


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
        steps.checkpoint.lose(old)
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


def _without_empty_lists(steps: Steps) -> None:
    """No property says that it leans on nothing, as after the CLI's refresh."""
    for r in steps.checkpoint.resources():
        properties = {k: urns for k, urns in r.property_dependencies.items() if urns}
        if properties != r.property_dependencies:
            steps.checkpoint.amend(r, replace(r, property_dependencies=properties))
