"""What a rule's fixture is given: names that tell whose resource is whose, and values that no preview knows."""

from __future__ import annotations

import asyncio
from typing import Any

import pulumi


class At:
    """`at("web")` is `dom-net-001-web`: every resource of a fixture is named so, and its findings are told apart from others'."""

    def __init__(self, module: str) -> None:
        self._prefix = module.replace("_", "-")

    def __call__(self, name: str) -> str:
        return f"{self._prefix}-{name}"

    @property
    def unknown(self) -> pulumi.Output[Any]:
        """A value that isn't known in a preview, and is made from nothing."""
        loop = asyncio.get_event_loop()
        value, known, secret = (loop.create_future() for _ in range(3))
        value.set_result(None)
        known.set_result(False)
        secret.set_result(False)
        return pulumi.Output(set(), value, known, secret)
