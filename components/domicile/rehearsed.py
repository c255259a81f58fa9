"""Whether this process plays in a rehearsal (`domicile.rehearsal`), for what reaches beyond the provider that the double stands for.

A rehearsal's PULUMI_HOME holds this mark beside the double. Both engines take their providers from there and nowhere else, so where the
mark is, nothing else of the stack is real either.
"""

from __future__ import annotations

import os
from pathlib import Path

MARK = "rehearsed-cloud"
"""The file's name; its content is the folder of the cloud on disk."""


def rehearsed_cloud() -> Path | None:
    """The folder of the rehearsed cloud; None where all is real."""
    mark = Path(os.environ.get("PULUMI_HOME") or "/nonexistent") / MARK
    return Path(mark.read_text("utf-8")) if mark.is_file() else None
