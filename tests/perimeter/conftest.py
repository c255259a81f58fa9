"""One real perimeter for all tests of this folder: brought up by the operator's command, under a name and places of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from perimeter_lab import Operator


@pytest.fixture(scope="session")
def perimeter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A perimeter that is up; removed at the end, whatever happened."""
    operator = Operator.of(tmp_path_factory.mktemp("project"))
    try:
        operator.up()
        yield operator
    finally:
        operator.end()


@pytest.fixture
def another(tmp_path: Path) -> Iterator[Operator]:
    """A stack of the test's own that isn't up; removed at the end, whatever happened."""
    (tmp_path / "project").mkdir()
    operator = Operator.of(tmp_path / "project")
    try:
        yield operator
    finally:
        operator.end()


@pytest.fixture(scope="session")
def environment_key(perimeter: Operator) -> str:
    """The value of the environment key, read as only the dispatcher may."""
    return perimeter.secret("environment-key")["value"]
