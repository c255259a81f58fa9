"""The engine against recordings of Pulumi's own CLI (3.260): same plans, calls, order, state and exit codes.

The recordings aren't part of this repository: DOMICILE_RECORDINGS names their folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

RECORDINGS = Path(os.environ.get("DOMICILE_RECORDINGS", "/nonexistent"))
AGREES = (
    "aliases-rename-and-move", "check-failures", "config", "config-required-by-project", "create-same-update", "deleted-with",
    "duplicate-urn", "explicit-providers", "failing-create", "failing-delete", "failing-update", "ignore-changes", "invokes",
    "killed-after-create", "killed-before-create", "killed-in-update-and-delete", "made-in-part", "order-of-create-and-delete",
    "parent-moved-without-alias", "program-errors", "protect", "refresh", "replace-create-first", "replace-delete-first",
    "replace-on-changes", "retain-on-delete", "secrets", "unknowns-in-preview", "up-with-refresh",
)  # fmt: skip
DIFFERS = {  # why a recording isn't agreed with
    "aws-default-provider": "needs the pulumi-aws SDK, which is not installed here",
    "aws-explicit-provider": "needs the pulumi-aws SDK, which is not installed here",
    "aws-invokes-and-refresh": "needs the pulumi-aws SDK, which is not installed here",
    "components-and-transforms": "transforms are refused",
    "default-provider-config": "a refused default provider is reported after the stack itself, not before it",
    "hooks": "resource hooks are refused",
    "import-option": "the option import_ is refused",
    "killed-and-adopted": "--import-pending-creates is refused",
    "policies": "policy packs are refused",
    "policies-unknown-and-remediation": "policy packs are refused",
    "read-external": "reading existing resources is refused",
    "replace-delete-first-option": "an order that the recording holds between two independent resources is not kept",
    "sixty-at-once": "its check needs the CLI's event log; the bounds themselves are kept",
    "stack-reference": "stack references are refused",
    "targets": "--target is refused",
}

pytestmark = pytest.mark.skipif(
    not (RECORDINGS / "record.py").is_file(),
    reason="the recordings of Pulumi's CLI aren't here: set DOMICILE_RECORDINGS to their folder",
)


@pytest.mark.parametrize("scenario", AGREES)
def test_agrees_with_the_recording(scenario, tmp_path):
    done = subprocess.run(
        [sys.executable, str(RECORDINGS / "record.py"), "compare", scenario, "--engine", f"{sys.executable} -m domicile.engine"],
        capture_output=True, text=True, env={**os.environ, **_metadata(tmp_path)}, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_recording_is_accounted_for():
    found = {p.parent.name for p in RECORDINGS.glob("*/steps.json")}
    assert found == {*AGREES, *DIFFERS}


def _metadata(folder: Path) -> dict[str, str]:
    """The recorder asks for the version of pulumi-aws, also for scenarios that don't use it: tell it where it isn't installed."""
    try:
        version("pulumi-aws")
    except PackageNotFoundError:
        info = folder / "pulumi_aws-7.51.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pulumi-aws\nVersion: 7.51.1\n")
        return {"PYTHONPATH": str(folder)}
    return {}
