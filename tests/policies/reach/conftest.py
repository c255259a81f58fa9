"""Previews of the real stacks, each taken once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from domicile.engine import preview
from domicile.rehearsal.stages.brought import bring_along
from domicile.rehearsal.stages.scene import Scene
from domicile_policies.reach import Proof, declared, prove
from domicile_policies.resource import Stack
from domicile_policies.rule import Asked

from .snapshots import of_preview

PROJECT = Path(__file__).parents[3]
RULES = [{"host": "packages.example.com"}, {"host": "*.mirrors.example.com", "port": 8443}]


@dataclass(frozen=True)
class Previewed:
    """A stack as the pack sees it, with its configuration."""

    stack: Stack
    config: dict[str, str]

    def prove(self, stack: Stack | None = None, **parameters: object) -> Proof:
        return prove(stack or self.stack, declared(Asked(parameters, self.config, preview=True)))


def previewed(name: str, **sections: object) -> Previewed:
    """The stack's own program and configuration; `sections` take the place of the configuration's, None of none."""
    with Scene.of(PROJECT, name) as scene:
        content = yaml.safe_load(scene.file.read_text())
        for key, value in sections.items():
            content["config"][f"domicile:{key}"] = value
        content["config"] = {key: value for key, value in content["config"].items() if value is not None}
        scene.file.write_text(yaml.safe_dump(content))
        bring_along(scene.rehearsal, scene.config())
        result = preview(scene.stack)
        assert result.exit_code == 0, result.errors
        config = {key: value if isinstance(value, str) else json.dumps(value) for key, value in content["config"].items()}
        return Previewed(of_preview(result), config)


@pytest.fixture(scope="session")
def tokyo() -> Iterator[Previewed]:
    """With an allowlist, so that there is something to widen."""
    yield previewed("tokyo", egress={"rules": RULES, "howToAsk": "ask"})
