"""Applies the machine's resources directly, without an engine, under names that no other run has."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from domicile.machine.resource import MachineProvider


class Applied:
    """One resource as an engine would drive it: created, read, updated and deleted through its provider."""

    def __init__(self, provider: MachineProvider, inputs: dict[str, Any]) -> None:
        self.provider, self.inputs, self.id, self.state = provider, inputs, "", dict(inputs)

    def create(self) -> Applied:
        assert not self.provider.check({}, self.inputs).failures
        made = self.provider.create(self.inputs)
        self.id, self.state = made.id, made.outs or {}
        return self

    def refresh(self) -> bool:
        """Whether it is still there; takes what was found into the state."""
        found = self.provider.read(self.id, self.state)
        if found.id:
            self.state = found.outs or {}
        return bool(found.id)

    def differs(self, **changes: Any) -> bool:
        return bool(self.provider.diff(self.id, self.state, {**self.inputs, **changes}).changes)

    def update(self, **changes: Any) -> None:
        self.inputs = {**self.inputs, **changes}
        self.state = self.provider.update(self.id, self.state, self.inputs).outs or {}

    def delete(self) -> None:
        self.provider.delete(self.id, self.state)


@pytest.fixture
def apply() -> Iterator[Callable[..., Applied]]:
    """Applies a resource; everything applied is deleted at the end, last first."""
    made: list[Applied] = []

    def one(provider: MachineProvider, **inputs: Any) -> Applied:
        made.append(Applied(provider, inputs))
        return made[-1].create()

    yield one
    for applied in reversed(made):
        applied.delete()


@pytest.fixture
def unique() -> str:
    return f"t{secrets.token_hex(3)}"
