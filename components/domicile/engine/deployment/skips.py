"""Registrations that come to nothing: of what is not targeted, and, with `--continue-on-error`, of what failed or leans on that."""

from __future__ import annotations

from dataclasses import replace

from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.deployment import Deployment
from ..errors import ResourceError
from ..state.snapshot import Resource


class Skips:
    def __init__(self, deployment: Deployment) -> None:
        self._d = deployment
        self._left: set[str] = set()  # not targeted: they stay as they are
        self.failed: set[str] = set()  # failed, or leaning on what failed

    def answer(self, q: pb.RegisterResourceRequest, new: Resource, old: Resource | None) -> Resource | None:
        """What the program is told of a resource that is left alone; None if it is to be done.

        Raises ResourceError if it can't be done without what is left alone.
        """
        if self._d.mode.destroying:
            return None
        asked = replace(new, provider=q.provider)
        broken = bool(asked.leans_on & self.failed)
        if not broken and self._d.selection.registers(asked):
            self._refuse_without(asked)
            self._refuse_circle(asked)
            return None
        if new.custom and not new.is_provider and not q.provider:
            self._d.default_provider(q.type.split(":")[0], q.version)
        if broken:
            self.failed.add(new.urn)
            return new
        return self._leave(asked, old)

    def without_failed(self, new: Resource) -> Resource | None:
        """What the program is told of something to be read that leans on what failed; None if it is to be read.

        Raises ResourceError if it leans on what is not targeted and isn't there.
        """
        if not new.leans_on & self.failed:
            self._refuse_without(new)
            return None
        self.failed.add(new.urn)
        return new

    def knows_outputs(self, urn: str) -> bool:
        """Whether what the program says of the resource's outputs holds."""
        return not (urn in self._left or urn in self._d.skipped or urn in self.failed)

    def fail(self, new: Resource, old: Resource | None, error: ResourceError) -> Resource:
        """Go on without it, if that is wanted; else the error is raised again."""
        if not self._d.survives(error):
            raise error
        if not error.told:
            self._d.journal.failed("update" if old else "create", new, error)
        with self._d.noting():
            self.failed.add(new.urn)
        return new

    def _leave(self, new: Resource, old: Resource | None) -> Resource:
        self._left.add(new.urn)
        if old is None:
            self._d.skipped.add(new.urn)
            self._d.journal.unchanged(new)
            return new
        if new.parent != old.parent:
            self._refuse_without(new)
        same = replace(old, urn=new.urn, parent=new.parent)
        self._d.steps.checkpoint.bring_forward(same.leans_on)  # the program may no longer have what it still leans on
        return self._d.steps.at_once("same", old, same)

    def _refuse_without(self, new: Resource) -> None:
        if missing := sorted(new.leans_on & self._d.skipped):
            raise ResourceError(
                new.urn, f"Resource '{new.urn}' depends on '{missing[0]}' which was not specified in --target list; target that one too."
            )

    def _refuse_circle(self, new: Resource) -> None:
        leaning = self._d.steps.checkpoint.leaning
        if both := sorted(new.leans_on & (leaning(new.urn) | leaning(self._d.old_urns.get(new.urn, new.urn)))):
            raise ResourceError(
                new.urn, f"Resource '{new.urn}' depends on '{both[0]}', which still depends on it and is not targeted; target that one too."
            )
