"""A runtime that the machine lacks is wrong input: no sandbox runs in a weaker one, and nothing is touched."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("runtime", ["crun", "runsc", "kata"])
def test_a_runtime_that_the_machine_lacks_stops_up_before_anything_is_touched(tmp_path, runtime):
    (tmp_path / "stacks").mkdir()
    (tmp_path / "bin").mkdir()
    shutil.copy(PROJECT / "Pulumi.yaml", tmp_path)
    text = (PROJECT / "stacks" / "Pulumi.local.yaml").read_text()
    (tmp_path / "stacks" / "Pulumi.dial.yaml").write_text(text.replace("runtime: runc", f"runtime: {runtime}"))
    home = tmp_path / "home"
    places = {"DOMICILE_HOME": str(home), "DOMICILE_RUN": str(tmp_path / "run"), "DOMICILE_ENGINE": "embedded"}
    done = subprocess.run(
        [sys.executable, "-m", "domicile.cli", "up", "dial"],
        cwd=tmp_path,
        env={**os.environ, **places, "PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "workerHost.runtime" in done.stderr
    assert runtime in done.stderr
    assert not home.exists()
