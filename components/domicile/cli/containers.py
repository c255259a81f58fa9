"""A stack's containers as podman knows them, for the verbs status and destroy."""

from __future__ import annotations

import json
from dataclasses import dataclass

from domicile.cli.exit import ending_on


@dataclass(frozen=True)
class ContainerState:
    """A container of a stack."""

    name: str
    service: str
    """The service that it is, or `sandbox`."""
    state: str
    """podman's word: running, exited, created …"""
    status: str
    """podman's words: since when."""
    image: str


def containers(stack: str) -> list[ContainerState]:
    """All containers that carry the stack's label. Raises `CliError`."""
    found = machine("podman", "ps", "--all", "--filter", f"label=domicile.stack={stack}", "--format", "json")
    return sorted((_state(entry) for entry in json.loads(found or "[]")), key=lambda state: state.name)


def machine(*command: str) -> str:
    """Runs a tool of this machine. Raises `CliError` with its words when it fails."""
    from domicile.machine.command import CommandError, run

    with ending_on(CommandError):
        return run(*command)


def _state(entry: dict[str, object]) -> ContainerState:
    labels, names = entry.get("Labels"), entry.get("Names")
    service = labels.get("domicile.service") if isinstance(labels, dict) else None
    name = str(names[0]) if isinstance(names, list) and names else str(entry.get("Id", ""))[:12]
    return ContainerState(
        name, str(service or "sandbox"), str(entry.get("State", "")), str(entry.get("Status", "")), str(entry.get("Image", ""))
    )
