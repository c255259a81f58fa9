"""Fixtures of the gateway's tests: see `gateway_lab.py`."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_lab import GatewayLab, ToldPlane, gateway_lab, told_plane


@pytest.fixture
async def plane() -> AsyncIterator[ToldPlane]:
    """A control plane that says what it is told; the session `sesn_own` is on it."""
    async with told_plane() as made:
        made.session()
        yield made


@pytest.fixture
async def lab(plane: ToldPlane) -> AsyncIterator[GatewayLab]:
    """A gateway before that control plane."""
    async with gateway_lab(plane.url) as made:
        yield made
