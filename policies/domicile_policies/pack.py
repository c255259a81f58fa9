"""The pack: its name, its version, and all of its rules. Loaded by whoever judges: the pack's own process, `domicile check`, tests."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from domicile_policies.rule import RULES, Rule

NAME = "domicile"
VERSION = "0.1.0"
"""As in PulumiPolicy.yaml, which wins where Pulumi starts the pack."""

CONCERNS = (
    "network",
    "egress",
    "keys",
    "images",
    "workloads",
    "residency",
    "audit",
    "tunnels",
    "access",
    "reach",
    "machine",
)


def rules() -> Mapping[str, Rule]:
    """Every rule by id, in the order of the ids."""
    for concern in CONCERNS:
        import_module(f"{__package__}.{concern}")
    return dict(sorted(RULES.items()))
