"""Beds for the policy pack, and one preview of all fixtures in one state, for all tests that look at it."""

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
    """What the pack says of a fixture's state: in its own preview if it is alone, else in one that all others share.

    If one of them is refused, so that nothing is judged, each concern has a preview of its own: the fault stays where it is.
    """
    listed = [each for each in fixtures() if not each.alone]

    @cache
    def batch(modules: tuple[str, ...], state: str) -> Judged | AssertionError:
        with pytest.MonkeyPatch.context() as patch:
            try:
                return Bed(tmp_path_factory.mktemp(f"{modules[0]}-{state}"), patch).batch(list(modules), state)
            except AssertionError as refused:
                return refused

    def of(fixture: Fixture, state: str) -> Judged:
        concern = tuple(each.module for each in listed if each.concern == fixture.concern)
        tries = [(fixture.module,)] if fixture.alone else [tuple(each.module for each in listed), concern]
        found = next((found for modules in tries if isinstance(found := batch(modules, state), Judged)), None)
        if found is None:
            refused = batch(tries[-1], state)
            assert isinstance(refused, AssertionError)
            raise refused
        return found

    return of
