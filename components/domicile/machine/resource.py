"""The common form of our own resources: a pydantic spec; for things of a machine three verbs over it (ensure, look, remove)."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import pulumi
from pulumi import dynamic
from pydantic import BaseModel, ConfigDict, ValidationError

from domicile.machine.command import CommandError


class Spec(BaseModel):
    """What a resource of the machine shall be. Unknown keys are refused in the provider's check, and ignored in old state."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class SpecProvider(dynamic.ResourceProvider):
    """Checks and compares by a spec. A subclass names its `spec` and the fields whose change needs a new resource (`replaces`)."""

    serialize_as_secret_always = False
    spec: ClassVar[type[Spec]]
    replaces: ClassVar[frozenset[str]] = frozenset()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        unknown = {name for name, value in news.items() if isinstance(value, pulumi.output.Unknown)}
        try:
            self.spec.model_validate(_known(news))
        except ValidationError as error:
            faults = [found for found in error.errors() if found["type"] != "missing" or found["loc"][0] not in unknown]
            failures = [dynamic.CheckFailure(".".join(str(p) for p in e["loc"]), e["msg"]) for e in faults]
            return dynamic.CheckResult(news, failures)
        return dynamic.CheckResult(news, [])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> dynamic.DiffResult:
        if any(isinstance(v, pulumi.output.Unknown) for v in news.values()):
            return dynamic.DiffResult(changes=True, replaces=[])
        try:
            old = self.spec.model_validate(fields(self.spec, olds))
        except ValidationError:  # state of an earlier version that lacks a field: bring it up to date
            return dynamic.DiffResult(changes=True, replaces=[])
        new = self.spec.model_validate(fields(self.spec, news))
        changed = [name for name in self.spec.model_fields if getattr(old, name) != getattr(new, name)]
        replaces = [name for name in changed if name in self.replaces]
        return dynamic.DiffResult(changes=bool(changed), replaces=replaces, delete_before_replace=True)


class MachineProvider(SpecProvider, ABC):
    """Turns Pulumi's calls into `ensure`, `look` and `remove`, each idempotent."""

    @abstractmethod
    def identity(self, spec: Any) -> str:
        """The resource's id: its name on the machine."""

    @abstractmethod
    def ensure(self, spec: Any) -> Mapping[str, Any]:
        """Makes the machine have it, whatever was there before; gives outputs beside the spec."""

    @abstractmethod
    def look(self, spec: Any, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The fields that differ from the spec on the machine (none: all as it should be); None: it isn't there."""

    @abstractmethod
    def remove(self, spec: Any) -> None:
        """Makes the machine not have it."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        spec = self.spec.model_validate(fields(self.spec, props))
        with said_plainly():
            return dynamic.CreateResult(self.identity(spec), outputs(spec, self.ensure(spec)))

    def update(self, _id: str, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.UpdateResult:
        spec = self.spec.model_validate(fields(self.spec, news))
        with said_plainly():
            return dynamic.UpdateResult(outputs(spec, self.ensure(spec)))

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        spec = self.spec.model_validate(fields(self.spec, props))
        facts = {k: v for k, v in props.items() if k not in self.spec.model_fields and not k.startswith("__")}
        with said_plainly():
            found = self.look(spec, facts)
        if found is None:
            return dynamic.ReadResult("", {})
        return dynamic.ReadResult(id_, {**outputs(spec, facts), **found})

    def delete(self, _id: str, props: dict[str, Any]) -> None:
        with said_plainly():
            self.remove(self.spec.model_validate(fields(self.spec, props)))


class MachineResource(dynamic.Resource, module="machine"):
    """Base of the resources: passes a spec's fields as inputs. `module` stands in the type's name; `learnt` are outputs beside the spec."""

    provider: ClassVar[SpecProvider]
    learnt: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, module: str = "machine", **kwargs: Any) -> None:
        super().__init_subclass__(module=module, name=cls.__name__, **kwargs)

    def __init__(self, resource_name: str, *, opts: pulumi.ResourceOptions | None = None, **inputs: Any) -> None:
        unknown = set(inputs) - set(self.provider.spec.model_fields)
        if unknown:
            raise TypeError(f"{type(self).__name__} {resource_name!r} has no input {', '.join(sorted(unknown))}")
        given = {name: value for name, value in inputs.items() if value is not None}
        super().__init__(self.provider, resource_name, {**given, **dict.fromkeys(self.learnt)}, opts)


@contextmanager
def said_plainly() -> Iterator[None]:
    """An error that says what to do reaches the user without a traceback; Pulumi's plugin would put one before it."""
    try:
        yield
    except CommandError as error:
        sys.tracebacklimit = 0
        raise CommandError(str(error)) from None


def outputs(spec: Spec, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the state keeps: the spec, and what was learnt beside it."""
    return {**spec.model_dump(mode="json", exclude_none=True), **facts}


def fields(spec: type[Spec], props: Mapping[str, Any]) -> dict[str, Any]:
    """Of a resource's properties those of its spec."""
    return {name: props[name] for name in spec.model_fields if name in props}


def _known(props: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in props.items() if not k.startswith("__") and not isinstance(v, pulumi.output.Unknown)}
