"""One real perimeter for all tests of this folder: brought up by the operator's command, under a name and places of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Operator:
    """Runs `domicile` for one stack, as an operator in a project of their own would."""

    stack: str
    project: Path
    environment: dict[str, str]

    @classmethod
    def of(cls, folder: Path, **config: Any) -> Operator:
        """A new project with one stack: the product's own `local` with `config` put over it."""
        stack = f"t{secrets.token_hex(3)}"
        (folder / "stacks").mkdir()
        shutil.copy(PROJECT / "Pulumi.yaml", folder)
        shutil.copy(PROJECT / "stacks" / "__main__.py", folder / "stacks")
        declared = yaml.safe_load((PROJECT / "stacks" / "Pulumi.local.yaml").read_text())["config"]
        declared |= {f"domicile:{key}": value for key, value in config.items()}
        (folder / "stacks" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": declared}))
        places = {"DOMICILE_HOME": f"/var/lib/domicile-{stack}", "DOMICILE_RUN": f"/run/domicile-{stack}"}
        return cls(stack, folder, {**os.environ, **places, "DOMICILE_ENGINE": "embedded", "NO_COLOR": "1"})

    def domicile(self, *arguments: str, check: bool = True, stdin: str = "", timeout: float = 280) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "domicile.cli", *arguments]
        done = subprocess.run(
            command, cwd=self.project, env=self.environment, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
        assert not check or done.returncode == 0, (
            f"domicile {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        )
        return done

    def status(self) -> dict[str, Any]:
        return json.loads(self.domicile("status", "--json", self.stack).stdout)

    def container(self, service: str) -> str:
        return f"domicile-{self.stack}-{service}"

    @property
    def home(self) -> Path:
        return Path(self.environment["DOMICILE_HOME"]) / self.stack

    @property
    def run(self) -> Path:
        return Path(self.environment["DOMICILE_RUN"]) / self.stack

    def leftovers(self) -> list[str]:
        """Whatever on this machine bears the stack's name."""
        prefix = f"domicile-{self.stack}"
        listed = {
            "container": ["podman", "ps", "--all", "--format", "{{.Names}}"],
            "volume": ["podman", "volume", "ls", "--format", "{{.Name}}"],
            "namespace": ["ip", "netns", "list"],
            "rule": ["nft", "list", "tables"],
        }
        found = []
        for kind, command in listed.items():
            lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
            found += [f"{kind} {line}" for line in lines if prefix in line or prefix.replace("-", "_") in line]
        found += [f"file {path}" for path in (self.run,) if path.exists()]
        return found


@pytest.fixture(scope="session")
def perimeter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A perimeter that is up; removed at the end, whatever happened."""
    operator = Operator.of(tmp_path_factory.mktemp("project"))
    try:
        operator.domicile("up", operator.stack)
        yield operator
    finally:
        operator.domicile("destroy", operator.stack, "--yes", check=False)


@pytest.fixture(scope="session")
def environment_key(perimeter: Operator) -> str:
    """The value of the environment key, read as only the dispatcher may."""
    from domicile.environment_key.openbao import OpenBao

    identity = perimeter.home / "secrets" / "dispatcher"
    socket = perimeter.run / "secrets" / "openbao.sock"
    with OpenBao(socket) as bao:
        token = bao.login((identity / "role-id").read_text(), (identity / "secret-id").read_text())
    with OpenBao(socket, token) as bao:
        found = bao.get("domicile/data/environment-key")
    assert found is not None
    return str(found["data"]["data"]["value"])
