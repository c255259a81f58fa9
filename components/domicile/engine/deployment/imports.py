"""The option `import_`: what is there already is taken into the state as it is, and from then on is a resource of ours.

Whether the program wants it otherwise is decided after that, as for any resource: the import and an update may be one deployment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..deployment.deployment import Deployment
from ..errors import EngineError, ResourceError, ResourceInitError
from ..events import Step
from ..state.snapshot import Resource, now
from ..values import mark_like


def is_import(new: Resource, old: Resource | None) -> bool:
    """Whether `new` asks for a thing that isn't the one in the state. A provider may know a thing by another id than it is imported by."""
    if not (new.custom and new.import_id) or new.is_provider:
        return False
    return old is None or old.external or (old.import_id or old.id) != new.import_id


class Imports:
    def __init__(self, deployment: Deployment) -> None:
        self._d, self._steps = deployment, deployment.steps

    def decided(self, new: Resource, old: Resource | None) -> Callable[[], Resource]:
        """What is to be done, as a function that holds the gate; it gives the thing as it is in the world."""
        if old is None or old.pending_replacement or old.urn in self._d.deleted_first:
            return self._d.doing(Step("import", new.urn, None, new), lambda: self._import(new, old), planned=True)
        if old.protect and new.protect:
            self._d.refuse_protected("replace", old)
        return self._d.doing(Step("replace", new.urn, old, new), lambda: self._import_instead(new, old))

    def _import(self, new: Resource, over: Resource | None) -> Resource:
        step = Step("import", new.urn, None, new)
        try:
            made = self._steps.step("import", "importing", new, over, lambda: self._found(new))
        except EngineError:
            self._d.journal.planned(step, counted=False)
            raise
        self._d.journal.planned(replace(step, new=made))
        return made

    def _import_instead(self, new: Resource, old: Resource) -> Resource:
        """Import what stands in the place of the old one, which is deleted (or, if it was only read, forgotten) in the end."""
        return self._steps.step("import-replacement", "importing", new, None, lambda: self._found(new), beside=old)

    def _found(self, new: Resource) -> Resource:
        provider = self._steps.registry.get(new.provider)
        if not provider.configured:
            return replace(new, id=new.import_id, inputs={})  # a preview can't know yet
        errors: list[str] = []
        try:
            id_, inputs, outputs = provider.import_(new)
        except ResourceInitError as e:  # it is there but not right yet: the update that follows sees to it
            id_, inputs, outputs, errors = e.id or new.import_id, dict(e.inputs), dict(e.outputs), e.reasons
        if not id_:
            raise ResourceError(new.urn, f"resource '{new.import_id}' does not exist")
        if inputs is None:
            package = new.type.partition(":")[0]
            raise ResourceError(new.urn, f"provider {package} does not support importing resources of type {new.type}; update its plugin")
        # A secret of the program is one in what was read, too.
        inputs, outputs = mark_like(inputs, new.inputs), mark_like(outputs, new.inputs)
        began = now()
        return replace(new, id=id_, inputs=inputs, outputs=outputs, init_errors=tuple(errors), created=began, modified=began)
