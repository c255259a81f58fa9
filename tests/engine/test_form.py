"""The engine is a room of its own: it leans on Pulumi's protocol and a few libraries, on nothing else of Domicile."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import domicile.engine

ROOM = Path(domicile.engine.__file__).parent
FILES = sorted(ROOM.rglob("*.py"))
LIBRARIES = {"pulumi", "grpc", "google", "yaml", "cryptography", "rich", "jsonschema"}
PURE = ("deployment/decide.py",)
"""Files that decide and do nothing: what they import must be able to do nothing either."""
DOING = {"os", "subprocess", "socket", "threading", "pathlib", "grpc", "asyncio", "signal", "shutil", "tempfile"}


def imported(file: Path) -> set[str]:
    """Full names of what a file imports, relative ones resolved against the room."""
    package = ("domicile", "engine", *file.relative_to(ROOM).parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            found.add(".".join((*above, *filter(None, [node.module]))))
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOM)))
def test_a_file_of_the_engine_imports_nothing_of_the_rest(file):
    roots = {name if name.startswith("domicile") else name.partition(".")[0] for name in imported(file)}
    foreign = {r for r in roots if r not in LIBRARIES and r not in sys.stdlib_module_names and not r.startswith("domicile.engine")}
    assert foreign == set()


@pytest.mark.parametrize("name", PURE)
def test_what_decides_can_do_nothing(name):
    assert {each.partition(".")[0] for each in imported(ROOM / name)} & DOING == set()
