"""What a provider says would change: plain data, for who decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Diff:
    """A provider's answer to "what would change": `changes` is None where it can't tell."""

    changes: bool | None
    keys: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    delete_first: bool = False
    detailed: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_replace(self) -> bool:
        return bool(self.replaces) or any(d["kind"].endswith("-replace") for d in self.detailed.values())
