"""A destroy that runs the program, for its delete hooks: what the program registers is kept as it is, until all goes."""

from __future__ import annotations

from dataclasses import replace

from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.deployment import Deployment
from ..state.snapshot import Resource


def left_alone(d: Deployment, q: pb.RegisterResourceRequest, new: Resource, old: Resource | None) -> Resource | None:
    """What stands for the resource: as it was, with the new hooks and options; or nothing real, if there is none or leans on such.

    None for what must be registered as ever, so that the program can go on and providers have today's configuration.
    """
    if new.custom and not new.is_provider:
        new = replace(new, provider=q.provider or d.default_provider(q.type.split(":")[0], q.version))
    missing = new.leans_on & d.skipped
    if missing or (old is None and new.custom and not new.is_provider):
        d.skipped.add(new.urn)
        new = replace(new, outputs=old.outputs if old else {})
        d.journal.unchanged(new)
        return new
    if old is None or not new.custom or new.is_provider:
        return None
    kept = replace(new, id=old.id, inputs=old.inputs, outputs=old.outputs, created=old.created, modified=old.modified)
    return d.steps.at_once("same", old, replace(kept, external=old.external))
