"""What the document says of the engine is what its tests say."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from agreement import DOCUMENT, lists, with_lists


def test_the_documents_lists_are_those_of_the_tests():
    text = DOCUMENT.read_text("utf-8")
    assert text == with_lists(text, lists()), f"run `python tests/engine` to write {DOCUMENT.name} anew"
