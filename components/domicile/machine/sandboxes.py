"""The sandboxes that a stack's dispatcher makes while it runs: deleting this removes whatever it left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar

from domicile.machine.command import CommandError, run
from domicile.machine.resource import MachineProvider, MachineResource, Spec


class SandboxesSpec(Spec):
    """The stack whose sandboxes they are, and how their namespaces are named: `<namespace_prefix>-<8 hex digits>`."""

    stack: str
    namespace_prefix: str


class SandboxesProvider(MachineProvider):
    """Makes nothing: the dispatcher does. It is deleted after the dispatcher's container, so nobody makes another meanwhile."""

    spec = SandboxesSpec
    replaces = frozenset({"stack", "namespace_prefix"})

    def identity(self, spec: SandboxesSpec) -> str:
        return spec.namespace_prefix

    def ensure(self, _spec: SandboxesSpec) -> Mapping[str, Any]:
        return {}

    def look(self, _spec: SandboxesSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {}

    def remove(self, spec: SandboxesSpec) -> None:
        remove_containers(spec.stack, "domicile.sandbox")
        name = re.compile(re.escape(spec.namespace_prefix) + r"-[0-9a-f]{8}")
        for namespace in namespaces():
            if name.fullmatch(namespace):
                run("ip", "netns", "del", namespace)


class Sandboxes(MachineResource):
    """A stack's sandboxes: `stack`, `namespace_prefix`."""

    provider: ClassVar[MachineProvider] = SandboxesProvider()


def namespaces() -> list[str]:
    """The machine's named network namespaces."""
    return [entry["name"] for entry in json.loads(run("ip", "-j", "netns", "list") or "[]")]


def remove_containers(stack: str, label: str) -> list[str]:
    """Removes the stack's containers that have a label, and gives their names."""
    found = run(
        "podman", "ps", "--all", "--format", "{{.Names}}", "--filter", f"label=domicile.stack={stack}", "--filter", f"label={label}"
    )
    for name in found.split():
        try:
            run("podman", "rm", "--force", "--time", "0", name)
        except CommandError as error:
            if "no such container" not in str(error):  # it ended by itself meanwhile
                raise
    return found.split()
