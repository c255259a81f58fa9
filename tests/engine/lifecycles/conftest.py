"""Random lives of a stack, all within one process: the laboratory's modules lie beside these tests."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def ground() -> Iterator[Path]:
    """A folder for thousands of small states: in memory where the machine has such a place, as the disk's pace proves nothing here."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
