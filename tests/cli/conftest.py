"""The command in a home of its own, run as a process: no perimeter, no root needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


class Command:
    """Runs `domicile` in a project's folder with DOMICILE_HOME and DOMICILE_RUN of its own."""

    def __init__(self, folder: Path, project: Path):
        self.folder, self.project = folder, project
        self.home, self.run_folder = folder / "home", folder / "run"
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DOMICILE_HOME": str(self.home),
            "DOMICILE_RUN": str(self.run_folder),
            "DOMICILE_ENGINE": "embedded",
            "COLUMNS": "160",
        }

    def __call__(self, *arguments, stdin="", of_program=False, **variables):
        """`of_program`: a traceback of the stack program may be among the errors; one of the command's own never."""
        ran = subprocess.run(
            [sys.executable, "-m", "domicile.cli", *arguments],
            cwd=self.project,
            env={**self.environment, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert of_program or "Traceback" not in ran.stderr, ran.stderr
        return ran

    @property
    def touched(self):
        return [str(path) for root in (self.home, self.run_folder) for path in [root, *root.rglob("*")] if path.exists()]


@pytest.fixture
def domicile(tmp_path_factory):
    folder = tmp_path_factory.mktemp("d")
    yield Command(folder, PROJECT)
    shutil.rmtree(folder, ignore_errors=True)


REGION = """config:
  domicile:platform: aws
  domicile:jurisdiction: us
  domicile:controlPlane: {kind: anthropic}
  domicile:environment: {id: env_1}
  domicile:aws:
    region: us-east-1
    account: "123456789012"
    access: {administrators: ["arn:aws:iam::123456789012:role/admin"]}
"""


@pytest.fixture
def us_file(small_project):
    """The file of a region's stack `us` in the project, with no more than it needs."""
    file = small_project.project / "stacks" / "Pulumi.us.yaml"
    file.write_text(REGION)
    return file


@pytest.fixture
def small_project(domicile, tmp_path):
    """A project of the same form whose program needs nothing of the machine."""
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    (project / "Pulumi.yaml").write_text((PROJECT / "Pulumi.yaml").read_text())
    (project / "stacks" / "Pulumi.local.yaml").write_text("# kept\nconfig:\n  domicile:jurisdiction: jp\n")
    (project / "stacks" / "__main__.py").write_text(
        "import pulumi\n"
        "from domicile.config import from_pulumi\n"
        "config = from_pulumi()\n"
        "pulumi.export('environment', config.environment.id)\n"
    )
    domicile.project = project
    return domicile


@pytest.fixture
def in_process(capsys, monkeypatch):
    """Runs the command in this process: its exit code, output and errors."""

    def run(command, *arguments):
        from domicile.cli import main

        for name, value in command.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(command.project)
        monkeypatch.setattr(sys, "argv", ["domicile", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return ended.value.code, told.out, told.err

    return run
