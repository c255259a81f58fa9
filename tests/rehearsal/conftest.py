"""A stage for each test: a project, a stack on the embedded engine, and a rehearsal that answers in AWS's place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from domicile.engine import Project, Result, Stack, destroy, preview, refresh, up
from domicile.rehearsal import Rehearsal, Thing
from domicile.rehearsal.double import Double
from domicile.rehearsal.packages import package
from domicile.rehearsal.schema import Schema

HEAD = "import json\nimport pulumi\nimport pulumi_aws as aws\nfrom pulumi import ResourceOptions as O\n\n"


class Stage:
    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root / "project"
        self.root.mkdir()
        (root / "backend").mkdir()
        (self.root / "Pulumi.yaml").write_text("name: stage\nruntime: python\nconfig:\n  aws:region: ap-northeast-1\n")
        self.rehearsal = Rehearsal(root / "rehearsal")
        for key, value in self.rehearsal.plugins("aws").items():
            monkeypatch.setenv(key, value)
        self.stack = Stack.of(Project.load(self.root), "dev", f"file://{root / 'backend'}", "passphrase")
        self.stack.init()

    def program(self, text: str) -> None:
        (self.root / "__main__.py").write_text(HEAD + text)

    def up(self, text: str | None = None) -> Result:
        if text is not None:
            self.program(text)
        return up(self.stack, preview_first=False)

    def preview(self, text: str | None = None) -> Result:
        if text is not None:
            self.program(text)
        return preview(self.stack)

    def refresh(self) -> Result:
        return refresh(self.stack)

    def destroy(self) -> Result:
        return destroy(self.stack)

    def thing(self, type_: str, name: str = "", region: str = "") -> Thing:
        return self.rehearsal.cloud.thing(type_, name, region)

    def made(self) -> dict[str, int]:
        """How many things of each type there are."""
        types = [t.token.rpartition(":")[2] for t in self.rehearsal.cloud.things()]
        return {t: types.count(t) for t in sorted(set(types))}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    return Stage(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema("pulumi_aws")


@pytest.fixture
def double(tmp_path: Path, schema: Schema) -> Double:
    """A provider double with no process around it."""
    double = Double(package("aws"), schema, Rehearsal(tmp_path / "rehearsal").cloud)
    double.settle("123456789012", "ap-northeast-1")
    return double
