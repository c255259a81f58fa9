"""The embedded engine: applies a Pulumi program where there is no Pulumi CLI, and keeps its state in the CLI's own files.

    stack = Stack.of(Project.load(folder), "local", backend_url="file:///…", passphrase="…")
    if not stack.exists:
        stack.init()
    result = up(stack, on_event=show)

It serves Pulumi's own protocol to the unmodified program in a child process, runs provider plugins as processes, and refuses by name
what it doesn't do. It knows nothing of the rest of Domicile. Called by `domicile.cli`; `python -m domicile.engine` takes the CLI's verbs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .deployment.targets import Targets
    from .errors import (
        EngineError,
        LockedError,
        PassphraseError,
        PluginError,
        PolicyPackError,
        ProjectError,
        ResourceError,
        StackError,
        StateError,
        UnsupportedError,
    )
    from .events import Event, Remediation, Result, Step, Violation, shown
    from .host import Host, Job, OpenHost, Processes
    from .operations import destroy, preview, refresh, up
    from .plugins.policy_pack import PolicyPack
    from .project import Project
    from .stack import Stack
    from .state.backend import Backend
    from .values import UNKNOWN, Secret

__all__ = [
    "UNKNOWN",
    "Backend",
    "EngineError",
    "Event",
    "Host",
    "Job",
    "LockedError",
    "OpenHost",
    "PassphraseError",
    "PluginError",
    "PolicyPack",
    "PolicyPackError",
    "Processes",
    "Project",
    "ProjectError",
    "Remediation",
    "ResourceError",
    "Result",
    "Secret",
    "Stack",
    "StackError",
    "StateError",
    "Step",
    "Targets",
    "UnsupportedError",
    "Violation",
    "destroy",
    "preview",
    "refresh",
    "shown",
    "up",
]

_HOMES = {
    "deployment.targets": ("Targets",),
    "errors": (
        "EngineError",
        "LockedError",
        "PassphraseError",
        "PluginError",
        "PolicyPackError",
        "ProjectError",
        "ResourceError",
        "StackError",
        "StateError",
        "UnsupportedError",
    ),
    "events": ("Event", "Remediation", "Result", "Step", "Violation", "shown"),
    "host": ("Host", "Job", "OpenHost", "Processes"),
    "operations": ("destroy", "preview", "refresh", "up"),
    "plugins.policy_pack": ("PolicyPack",),
    "project": ("Project",),
    "stack": ("Stack",),
    "state.backend": ("Backend",),
    "values": ("UNKNOWN", "Secret"),
}


def __getattr__(name: str) -> Any:
    """Loads what is asked for: a provider double needs `values` alone, and is started for every preview."""
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)
