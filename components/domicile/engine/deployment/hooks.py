"""Resource hooks: functions of the program round a resource's create, update and delete, and after a failure of one. Called by `steps`.

A hook before that fails stops its step. One after that fails is an error, and nothing new starts; what was done stays in the state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from ..deployment.gate import Gate
from ..errors import EngineError, InDoubtError, ResourceError, ResourceInitError
from ..events import Journal
from ..state.snapshot import Resource

Kind = Literal["Create", "Update", "Delete"]
Done = TypeVar("Done")
RETRIES = 100  # tries of one step that error hooks may ask for, as in Pulumi


@dataclass(frozen=True)
class Hook:
    """`call` is given the old and the new resource, as far as there are any, and whether the step is done; it raises EngineError."""

    name: str
    call: Callable[[Resource | None, Resource | None, bool], None]
    in_previews: bool
    ignore_errors: bool


@dataclass(frozen=True)
class ErrorHook:
    """`call` is given the old and the new resource, the operation and what failed, last first; it says whether to try again."""

    name: str
    call: Callable[[Resource | None, Resource | None, str, list[str]], bool]


class Hooks:
    def __init__(self, gate: Gate, journal: Journal, preview: bool) -> None:
        self._gate, self._journal, self._preview = gate, journal, preview
        self._hooks: dict[str, Hook] = {}
        self._error_hooks: dict[str, ErrorHook] = {}

    def register(self, hook: Hook | ErrorHook) -> None:
        """The program's hook, by a name that no other has; EngineError if one has it."""
        if hook.name in self._hooks or hook.name in self._error_hooks:
            raise EngineError(f"resource hook {hook.name!r} is registered already; give each hook a name of its own")
        if isinstance(hook, Hook):
            self._hooks[hook.name] = hook
        else:
            self._error_hooks[hook.name] = hook

    def before(self, kind: Kind, old: Resource | None, new: Resource | None) -> None:
        """Call the hooks before the step; ResourceError with the name and the words of the first that fails.

        What is being decided by then still begins, as with Pulumi, where a hook takes longer to fail than a registration to begin.
        """
        try:
            self._run("Before", kind, old, new)
        except ResourceError:
            self._gate.settle()
            raise

    def after(self, kind: Kind, old: Resource | None, new: Resource | None) -> None:
        """Call the hooks after the step. What fails in them is told, and lets nothing new start."""
        try:
            self._run("After", kind, old, new)
        except ResourceError as e:
            self._journal.log(str(e), "error", e.urn)
            self._gate.stop()

    def _run(self, when: Literal["Before", "After"], kind: Kind, old: Resource | None, new: Resource | None) -> None:
        subject = _subject(old, new)
        for name in subject.resource_hooks.get(f"{when}{kind}", ()):
            hook = self._hooks.get(name)
            if hook is None:
                raise ResourceError(
                    subject.urn, f'hook "{name}" was not registered; register it in the program, whose resource asks for it'
                )
            if self._preview and not hook.in_previews:
                continue
            try:
                hook.call(old, new, when == "After")
            except EngineError as e:
                message = f'{when.lower()} hook "{name}" failed: {e}'
                if not hook.ignore_errors:
                    raise ResourceError(subject.urn, message) from e
                self._journal.log(message, "warning", subject.urn)

    def retrying(self, operation: str, old: Resource | None, new: Resource | None, work: Callable[[], Done]) -> Done:
        """Do the work, again and again if it fails and the resource's error hooks ask for that.

        What a provider made in part, or may have made before it died, isn't tried again, so that nothing is made twice.
        """
        subject, failures = _subject(old, new), list[str]()
        while True:
            try:
                return work()
            except ResourceError as e:
                failures.insert(0, str(e))
                if not self._asked_again(operation, old, new, failures):
                    raise
                if isinstance(e, (InDoubtError, ResourceInitError)) or len(failures) >= RETRIES:
                    self._journal.log(f"{operation} is not tried again, although an error hook asks for it", "warning", subject.urn)
                    raise
                self._journal.log(f"trying {operation} again, as an error hook asks ({len(failures)}/{RETRIES})", "warning", subject.urn)

    def _asked_again(self, operation: str, old: Resource | None, new: Resource | None, failures: list[str]) -> bool:
        subject, asked = _subject(old, new), False
        for name in subject.resource_hooks.get("OnError", ()):
            hook = self._error_hooks.get(name)
            if hook is None:
                raise ResourceError(subject.urn, f'{failures[0]}; and its error hook "{name}" was not registered')
            try:
                asked = hook.call(old, new, operation, failures) or asked
            except EngineError as e:
                raise ResourceError(subject.urn, f'{failures[0]}; and its error hook "{name}" failed: {e}') from e
        return asked


def deleting(resource: Resource) -> list[str]:
    """The names of the hooks that a delete of the resource calls."""
    return [*resource.resource_hooks.get("BeforeDelete", ()), *resource.resource_hooks.get("AfterDelete", ())]


def _subject(old: Resource | None, new: Resource | None) -> Resource:
    subject = new or old
    assert subject is not None  # noqa: S101 a step has one at least
    return subject
