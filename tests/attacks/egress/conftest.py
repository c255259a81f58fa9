"""The lab is the egress tests' own: see `tests/egress/egress_lab.py`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "egress"))

import egress_lab


@pytest.fixture(scope="module")
def lab() -> Iterator[egress_lab.Lab]:
    """Envoy with its policy; the first sandbox (the attacker's) is admitted, the second isn't."""
    yield from egress_lab.opened()


@pytest.fixture
def untouched(lab: egress_lab.Lab) -> Iterator[None]:
    """Nothing that the test does may reach an origin, a private address, or make the packet filter refuse a dial of Envoy's."""
    before = len(lab.outside.requests), len(lab.outside.knocks), lab.counter("refused_private")
    yield
    assert (len(lab.outside.requests), len(lab.outside.knocks), lab.counter("refused_private")) == before
