"""The program's resource hooks as the engine calls them: what it says of a resource, and what comes back. Used by the monitor."""

from __future__ import annotations

from typing import Any

from pulumi.runtime.proto import resource_pb2 as pb

from ..deployment.hooks import ErrorHook, Hook
from ..state.snapshot import Resource
from ..values import UNKNOWN, dump
from .callbacks import CallbackError, Callbacks


def resource_hook(callbacks: Callbacks, q: pb.RegisterResourceHookRequest) -> Hook:
    def call(old: Resource | None, new: Resource | None, done: bool) -> None:
        request = pb.ResourceHookRequest(**_about(old, new), new_outputs=dump(new.outputs) if new and done else None)
        answer = callbacks.call(f"the resource hook {q.name!r}", q.callback, request, pb.ResourceHookResponse)
        if answer.error:
            raise CallbackError(answer.error)

    return Hook(q.name, call, q.on_dry_run, q.ignore_errors)


def error_hook(callbacks: Callbacks, q: pb.RegisterErrorHookRequest) -> ErrorHook:
    def call(old: Resource | None, new: Resource | None, operation: str, failures: list[str]) -> bool:
        request = pb.ErrorHookRequest(**_about(old, new), failed_operation=operation, errors=failures)
        answer = callbacks.call(f"the error hook {q.name!r}", q.callback, request, pb.ErrorHookResponse)
        if answer.error:
            raise CallbackError(answer.error)
        return answer.retry

    return ErrorHook(q.name, call)


def _about(old: Resource | None, new: Resource | None) -> dict[str, Any]:
    subject = new or old
    assert subject is not None  # noqa: S101 a step has one at least
    return {
        "urn": subject.urn, "id": "" if subject.id == UNKNOWN else subject.id, "name": subject.name, "type": subject.type,
        "new_inputs": dump(new.inputs) if new else None, "old_inputs": dump(old.inputs) if old else None,
        "old_outputs": dump(old.outputs) if old else None,
    }  # fmt: skip
