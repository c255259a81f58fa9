"""Beds for the policy pack, and one preview of all fixtures of a concern in one state, for all tests that look at it."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bed import Bed, Fixture, Judged, fixtures


@pytest.fixture
def bed(tmp_path, monkeypatch) -> Bed:
    return Bed(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def judged(tmp_path_factory):
    """What the pack says of a fixture's state: of its own preview, or of the one that it shares with its concern's others."""
    listed = fixtures()

    @cache
    def batch(modules: tuple[str, ...], state: str) -> Judged:
        with pytest.MonkeyPatch.context() as patch:
            return Bed(tmp_path_factory.mktemp(f"{modules[0]}-{state}"), patch).batch(list(modules), state)

    def of(fixture: Fixture, state: str) -> Judged:
        together = [each.module for each in listed if each.concern == fixture.concern and not each.alone]
        return batch((fixture.module,) if fixture.alone else tuple(together), state)

    return of
