"""Custom resources: check, diff, decide, and hand over to `steps`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.decide import FORCED, Decision, decide, forced_replacement, without_ignored
from ..deployment.deployment import Deployment
from ..deployment.replacements import Replacements
from ..errors import ResourceError
from ..events import Step
from ..plugins.diff import Diff
from ..plugins.provider import Provider
from ..state.snapshot import Resource
from ..values import Secret, any_in, has_unknown


class CustomResources:
    def __init__(self, deployment: Deployment) -> None:
        self._d, self._steps = deployment, deployment.steps
        self._replacements = Replacements(deployment)

    def decided(self, q: pb.RegisterResourceRequest, new: Resource, old: Resource | None, imported: bool = False) -> Callable[[], Resource]:
        """What is to be done, as a function; the gate is entered already if it takes a provider's time.

        `imported`: `old` is what an import has just found.
        """
        provider = self._steps.registry.get(new.provider)
        asked = new
        if old and old.managed:
            new = replace(new, inputs=without_ignored(new.inputs, old.inputs, new.ignore_changes))
            if self._d.mode.targets.replaces(new.urn) and old.urn not in self._d.deleted_first:
                fresh = self._checked(provider, asked, None)
                self._d.policies.judge(fresh)
                decision = replace(FORCED, delete_first=q.deleteBeforeReplace)
                return self._replacing(q, Step("replace", new.urn, old, fresh, FORCED.replace_reasons), decision)
        new = self._checked(provider, new, old)
        self._d.policies.judge(new)
        if old is None:
            return self._d.doing(Step("create", new.urn, None, new), lambda: self._steps.create(new))
        if old.external:  # it isn't ours to change: a new one takes its place
            return self._d.doing(Step("replace", new.urn, old, new), lambda: self._replacements.create_first(old, new))
        if old.urn in self._d.deleted_first and not imported:
            fresh = self._checked(provider, asked, None, again=True)
            self._d.replaced.add(new.urn)
            return self._d.doing(Step("replace", new.urn, old, fresh), lambda: self._steps.create(fresh, "replace", old))
        decision = self._decision(q, provider, old, new)
        if decision.op == "same":
            return self._same(old, new, imported)
        step = Step(
            "update" if decision.op == "update" else "replace", new.urn, old, new, decision.replace_reasons, decision.diff_reasons,
            decision.detailed,
        )  # fmt: skip
        if decision.op == "update":
            return self._d.doing(step, lambda: self._steps.update(old, new))
        fresh = self._checked(provider, asked, None, again=True)  # no input is carried over from the old one
        return self._replacing(q, replace(step, new=fresh), decision)

    def _replacing(self, q: pb.RegisterResourceRequest, step: Step, decision: Decision) -> Callable[[], Resource]:
        if q.importId:
            self._refuse_to_replace_imported(step.urn, decision)
        return self._replacements.replacing(step, decision)

    def _decision(self, q: pb.RegisterResourceRequest, provider: Provider, old: Resource, new: Resource) -> Decision:
        if has_unknown(new.replacement_trigger) and not self._d.preview:
            raise ResourceError(new.urn, "its replacement_trigger is not known; give it a value that is")
        forced = forced_replacement(old, new, self._d.replaced, self._d.providers.moved(old, new))
        diff = Diff(None) if forced is not None else self._diff(provider, old, new)
        option = q.deleteBeforeReplace if q.deleteBeforeReplaceDefined else None
        return decide(old, new, diff, option, forced)

    def _same(self, old: Resource, new: Resource, imported: bool) -> Callable[[], Resource]:
        if imported:
            return lambda: old
        made = replace(new, id=old.id, outputs=old.outputs, created=old.created, modified=old.modified)
        made = self._steps.at_once("same", old, made)
        return lambda: made

    def _refuse_to_replace_imported(self, urn: str, decision: Decision) -> None:
        """A replacement has another id than the one that the program imports: it can't be meant. A preview only warns, as Pulumi's."""
        why = f" (because of {', '.join(decision.replace_reasons)})" if decision.replace_reasons else ""
        message = f"previously-imported resources that still specify an ID may not be replaced{why}; remove `import_` from the program"
        if not self._d.preview:
            raise ResourceError(urn, message)
        self._d.journal.log(message, "warning", urn)

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
