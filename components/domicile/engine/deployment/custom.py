"""Custom resources: check, diff, decide, and hand over to `steps`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.decide import FORCED, decide, without_ignored
from ..deployment.deployment import Deployment
from ..deployment.replacements import Replacements
from ..errors import ResourceError
from ..events import Step
from ..plugins.provider import Diff, Provider
from ..state.snapshot import Resource
from ..values import Secret, any_in, has_unknown


class CustomResources:
    def __init__(self, deployment: Deployment) -> None:
        self._d, self._steps = deployment, deployment.steps
        self._replacements = Replacements(deployment)

    def decided(self, q: pb.RegisterResourceRequest, new: Resource, old: Resource | None) -> Callable[[], Resource]:
        """What is to be done, as a function; the gate is entered already if it takes a provider's time."""
        new = replace(new, provider=q.provider or self._d.default_provider(q.type.split(":")[0], q.version))
        provider = self._steps.registry.get(new.provider)
        if old and new.ignore_changes:
            new = replace(new, inputs=without_ignored(new.inputs, old.inputs, new.ignore_changes))
        asked = new
        if old and old.managed and self._d.mode.targets.replaces(new.urn) and old.urn not in self._d.deleted_first:
            fresh = self._checked(provider, asked, None)
            step = Step("replace", new.urn, old, fresh, FORCED.replace_reasons)
            return self._replacements.replacing(step, replace(FORCED, delete_first=q.deleteBeforeReplace), fresh)
        new = self._checked(provider, asked, old)
        self._d.policies.judge(new)
        if old is None or not old.managed:
            if old:
                raise ResourceError(
                    new.urn, "it is in the state as read from outside; taking it over is not supported by the embedded engine"
                )
            return self._d.doing(Step("create", new.urn, None, new), lambda: self._steps.create(new))
        if old.urn in self._d.deleted_first:
            fresh = self._checked(provider, asked, None, again=True)
            return self._d.doing(Step("replace", new.urn, old, fresh), lambda: self._steps.create(fresh, "replace", old))
        moved = self._d.providers.moved(old, new)
        diff = Diff(None) if moved else self._diff(provider, old, new)
        option = q.deleteBeforeReplace if q.deleteBeforeReplaceDefined else None
        decision = decide(old, new, diff, option, moved)
        if decision.op == "same":
            made = replace(new, id=old.id, outputs=old.outputs, created=old.created, modified=old.modified)
            made = self._steps.at_once("same", old, made)
            return lambda: made
        step = Step(
            "update" if decision.op == "update" else "replace", new.urn, old, new, decision.replace_reasons, decision.diff_reasons,
            decision.detailed,
        )  # fmt: skip
        if decision.op == "update":
            return self._d.doing(step, lambda: self._steps.update(old, new))
        return self._replacements.replacing(step, decision, self._checked(provider, asked, None, again=True))

    def _checked(self, provider: Provider, new: Resource, old: Resource | None, again: bool = False) -> Resource:
        """The inputs as the provider and then the policy packs want them. `again`: of the same resource, to be made anew."""
        seed = hashlib.sha256(new.urn.encode()).digest()
        inputs, failures = provider.check(new, old.inputs if old and old.managed else {}, seed)
        if failures:
            reasons = "; ".join(
                f"property {f.property} value {{{_shown(new.inputs.get(f.property))}}} has a problem: {f.reason}"
                if f.property
                else f.reason
                for f in failures
            )
            raise ResourceError(new.urn, f"{new.type} resource '{new.name}': {reasons}")
        return self._d.policies.remedied(replace(new, inputs=self._d.hashed(new.urn, inputs)), quietly=again)

    def _diff(self, provider: Provider, old: Resource, new: Resource) -> Diff:
        if not provider.configured:
            return Diff(None)
        return provider.diff(old, new.inputs, new.ignore_changes)


def _shown(value: Any) -> str:
    if any_in(value, lambda x: isinstance(x, Secret)):
        return "[secret]"
    return "unknown" if has_unknown(value) else str(value)
