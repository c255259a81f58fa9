"""A stage for each test: a project, a stack on the embedded engine, and a rehearsal that answers in AWS's place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from domicile.engine import Project, Result, Stack, destroy, preview, refresh, up
from domicile.rehearsal import Rehearsal, Thing
from domicile.rehearsal.double import Double
from domicile.rehearsal.packages import package
from domicile.rehearsal.schema import Schema

HEAD = "import json\nimport pulumi\nimport pulumi_aws as aws\nfrom pulumi import ResourceOptions as O\n\n"

TOY = """
_utilities.register(
    resource_modules=\"\"\"
[{"pkg": "toy", "mod": "garden/flower", "fqn": "pulumi_toy.garden", "classes": {"toy:garden/flower:Flower": "Flower"}}]
\"\"\",
)
"""


@pytest.fixture
def toy_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Writes the package `pulumi_toy` as Pulumi generates one, with these files of its flower and its enums; gives its folder."""

    def write(flower: str, enums: str) -> Path:
        root = tmp_path / "pulumi_toy"
        (root / "garden").mkdir(parents=True)
        (root / "pulumi-plugin.json").write_text(json.dumps({"resource": True, "name": "toy", "version": "1.2.3"}))
        (root / "__init__.py").write_text(TOY)
        (root / "garden" / "flower.py").write_text(flower)
        (root / "garden" / "_enums.py").write_text(enums)
        monkeypatch.syspath_prepend(str(tmp_path))
        return root

    return write


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
