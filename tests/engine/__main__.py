"""Writes the lists of `docs/ENGINE.md` from the tests: `python tests/engine`. A test holds the document to them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from agreement import DOCUMENT, lists, with_lists

if __name__ == "__main__":
    DOCUMENT.write_text(with_lists(DOCUMENT.read_text("utf-8"), lists()), "utf-8")
    print(f"written: {DOCUMENT.name}")
