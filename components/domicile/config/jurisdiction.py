"""Where a stack's data may lie: exactly one jurisdiction."""

from __future__ import annotations

from typing import Literal

Jurisdiction = Literal[
    "ae", "au", "bh", "br", "ca", "ch", "eu", "gb", "id", "il", "in", "jp", "kr", "mx", "my", "nz", "sa", "sg", "th", "us", "za"
]
"""ISO 3166 codes in lower case, and `eu` for the European Union."""
