"""A copy of the project for one stack, and `domicile` in it: in a home of its own, on the provider's double."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from domicile.rehearsal import Rehearsal
from domicile.rehearsal.stages.scene import STAND_IN_IMAGES

PROJECT = Path(__file__).parents[2]


class Region:
    """The stack as the project has it; an exception's expiry moves with the day, so that no test ends with the year."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.root = name, root / "project"
        shutil.copytree(PROJECT / "stacks", self.root / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROJECT / "Pulumi.yaml", self.root)
        self.file = self.root / "stacks" / f"Pulumi.{name}.yaml"
        self.rehearsal = Rehearsal(root / "rehearsal")
        content = yaml.safe_load(self.file.read_text())
        for exception in content["config"].get("domicile:residency", {}).get("exceptions", []):
            exception["expires"] = str(date.today() + timedelta(days=30))
        self.file.write_text(yaml.safe_dump(content))
        places = {"DOMICILE_HOME": str(root / "home"), "DOMICILE_RUN": str(root / "run"), "DOMICILE_ENGINE": "embedded"}
        self.environment = {**os.environ, **places, "COLUMNS": "160"}

    def on_double(self) -> Region:
        """With the double where the provider would be, and images, so that there are machines."""
        self.environment |= self.rehearsal.plugins("aws")
        content = yaml.safe_load(self.file.read_text())
        content["config"]["domicile:aws"]["images"] = STAND_IN_IMAGES
        self.file.write_text(yaml.safe_dump(content))
        return self

    def __call__(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "domicile.cli", verb, self.name, *arguments]
        return subprocess.run(command, cwd=self.root, env=self.environment, capture_output=True, text=True, check=False)

    def check(self, *flags: str) -> dict[str, Any]:
        """What `domicile check --json` says."""
        ran = self("check", "--json", *flags)
        assert ran.returncode in (0, 1) and ran.stdout, ran.stderr
        return dict(json.loads(ran.stdout))


def shown(told: dict[str, Any]) -> list[str]:
    """All that is wrong, with rule and resource."""
    failure = [told["failure"]] if told["failure"] else []
    return failure + [f"{f['rule']} {f['type']} {f['name']}: {f['path']} {f['message']}" for f in told["findings"]]
