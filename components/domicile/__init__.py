"""Domicile: Pulumi components for Claude Managed Agents' self-hosted sandboxes.

`Perimeter` is the component; `config` says what a stack may declare. Both load when they are asked for, so that the operator's
command starts without Pulumi.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domicile.perimeter import Perimeter

__all__ = ["Perimeter"]


def __getattr__(name: str) -> Any:
    if name != "Perimeter":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from domicile.perimeter import Perimeter

    return Perimeter
