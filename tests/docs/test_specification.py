"""What the documents name is there: tests, promises, make targets, verbs of the command, folders, linked files, configurations.

Test files are parsed, not imported: what they need to run doesn't matter here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from domicile.cli.app import app
from domicile.config import from_file

PROJECT = Path(__file__).parents[2]
SPECIFICATION = PROJECT / "docs" / "SPECIFICATION.md"
README = PROJECT / "README.md"
DOCUMENTS = [README, *sorted((PROJECT / "docs").glob("*.md"))]
PROMISES = [f"S{number}" for number in range(1, 16)]
TEST_ID = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def code(document: Path) -> list[str]:
    """What a document marks as code: blocks, and spans within a line."""
    text = document.read_text("utf-8")
    blocks = re.findall(r"^ *```\w*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))]


@cache
def named_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in tree.body if isinstance(node, kinds) and node.name.startswith("test_"))


def section(promise: str) -> str:
    found = re.search(rf"^## {promise} .*?(?=^## |\Z)", SPECIFICATION.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found, f"{SPECIFICATION.name} has no section on {promise}"
    return found[0]


def verbs(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every verb of a command line: `("up",)`, `("audit", "verify")`."""
    yield path
    for name, below in getattr(command, "commands", {}).items():
        yield from verbs(below, (*path, name))


@pytest.mark.parametrize("promise", PROMISES)
def test_every_promise_has_a_line_and_names_its_tests_or_says_pending(promise: str) -> None:
    [line] = re.findall(rf"^\| {promise} \| .+ \| .+ \|$", SPECIFICATION.read_text("utf-8"), re.MULTILINE)
    proofs = TEST_ID.findall(section(promise))
    assert proofs or "*pending*" in section(promise)
    assert "pending" in line or proofs


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_exists(document: Path) -> None:
    named = TEST_ID.findall(document.read_text("utf-8"))
    missing = [f"{file}::{name}" for file, name in named if not (PROJECT / file).is_file() or name not in named_in(PROJECT / file)]
    assert missing == []


def test_the_specification_names_tests_in_no_other_form() -> None:
    text = SPECIFICATION.read_text("utf-8")
    assert text.count("::test_") == len(TEST_ID.findall(text))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for text in code(document) for name in re.findall(r"(?:^|[\s$])make ([a-z-]+)", text)}
    assert named - targets == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_verb_that_a_document_names_exists(document: Path) -> None:
    """`domicile audit verify`: each word that follows is a verb, up to a stack's name or an option."""
    known = set(verbs(typer.main.get_command(app)))
    groups = {path[:-1] for path in known if len(path) > 1}
    for text in code(document):
        for words in re.findall(r"(?:^|[\s$])domicile((?: [a-z]+)+)", text):
            first, *rest = words.split()
            assert (first,) in known, words
            assert (first,) not in groups or not rest or (first, rest[0]) in known, words


def test_every_target_and_verb_is_in_the_readme() -> None:
    named = "\n".join(code(README))
    targets = re.findall(r"^([a-z-]+):.*?## ", (PROJECT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert [name for name in targets if name != "help" and f"make {name}" not in named] == []
    spoken = {" ".join(path) for path in verbs(typer.main.get_command(app)) if path and path not in {("audit",), ("images",)}}
    assert [verb for verb in sorted(spoken) if f"domicile {verb}" not in named] == []


def test_every_folder_of_the_map_exists_and_every_folder_of_the_project_is_on_it() -> None:
    mapped = re.findall(r"^\| `([\w/.]+)` \| ", README.read_text("utf-8").partition("## Layout")[2].partition("\n## ")[0], re.MULTILINE)
    assert [path for path in mapped if not (PROJECT / path).exists()] == []
    rooms = [*(PROJECT / "components" / "domicile").iterdir(), *(PROJECT / "images").iterdir()]
    expected = [path.relative_to(PROJECT).as_posix() + "/" for path in rooms if path.is_dir() and path.name != "__pycache__"]
    assert [path for path in expected if path not in mapped] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_of_a_document_leads_to_a_file(document: Path) -> None:
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text("utf-8"))
    assert [target for target in linked if not (document.parent / target).exists()] == []


def test_the_configurations_of_the_readme_are_right(tmp_path: Path) -> None:
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert blocks
    for number, (indent, block) in enumerate(blocks):
        content = yaml.safe_load("\n".join(line.removeprefix(indent) for line in block.splitlines()))
        file = tmp_path / f"Pulumi.example-{number}.yaml"
        file.write_text(yaml.safe_dump(content), "utf-8")
        assert from_file(file).jurisdiction == content["config"]["domicile:jurisdiction"]
