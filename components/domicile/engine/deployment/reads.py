"""Resources that are only read (`.get`, stack references): in the state as external, never updated and never deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.deployment import Deployment
from ..errors import EngineError, ResourceError
from ..events import Step
from ..state.snapshot import Resource, now
from ..values import UNKNOWN
from . import goal


class Reads:
    def __init__(self, deployment: Deployment) -> None:
        self._d, self._steps = deployment, deployment.steps

    def goal(self, q: pb.ReadResourceRequest, urn: str) -> tuple[Resource, Resource | None]:
        """What the request asks for, and what the state has of it."""
        if not q.id:
            raise ResourceError(urn, "reading a resource needs its id; give one to `.get`")
        new = goal.external_state(q, urn, q.provider or self._d.default_provider(goal.package_of(q.type), q.version))
        return new, self._d.find_old(pb.RegisterResourceRequest(type=q.type, name=q.name, parent=q.parent), urn)

    def decided(self, new: Resource, old: Resource | None) -> Callable[[], Resource]:
        """What is to be done, as a function that holds the gate. It is done in a preview too: reading changes nothing."""
        urn = new.urn
        if old is None or not old.managed or old.id == new.id or old.pending_replacement or urn in self._d.deleted_first:
            return self._d.doing(Step("read", urn, old, new), lambda: self._read(new, old), planned=True)
        if old.protect:
            self._d.refuse_protected("replace", old)
        self._d.replaced.add(urn)
        return self._d.doing(Step("replace", urn, old, new), lambda: self._read_instead(new, old))

    def _read(self, new: Resource, old: Resource | None) -> Resource:
        """Read, and count it only if what was read before has changed since, as Pulumi counts."""
        step = Step("read", new.urn, old, new)
        try:
            made = self._steps.step("read", "reading", new, old, lambda: self._found(new, old))
        except EngineError:
            self._d.journal.planned(step, counted=False)
            raise
        changed = old is not None and old.outputs != made.outputs
        self._d.journal.planned(replace(step, new=made), counted=changed)
        return made

    def _read_instead(self, new: Resource, old: Resource) -> Resource:
        """Read what stands in the place of a thing of ours, which is deleted in the end."""
        return self._steps.step("read-replacement", "reading", new, None, lambda: self._found(new, old), beside=old)

    def _found(self, new: Resource, old: Resource | None) -> Resource:
        provider = self._steps.registry.get(new.provider)
        if new.id == UNKNOWN or not provider.configured:
            return new  # a preview can't know yet
        id_, _, outputs = provider.read(replace(new, outputs=new.inputs))
        if not id_:
            raise ResourceError(new.urn, f"resource '{new.id}' does not exist")
        if old is None:
            return replace(new, id=id_, outputs=outputs)
        changed = old.outputs != outputs or old.inputs != new.inputs
        return replace(new, id=id_, outputs=outputs, created=old.created, modified=now() if changed else old.modified)
