"""The lab that the egress tests share: see `egress_lab.py`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import egress_lab


@pytest.fixture(scope="module")
def lab() -> Iterator[egress_lab.Lab]:
    """Envoy with its policy; the first sandbox is admitted, the second isn't."""
    yield from egress_lab.opened()
