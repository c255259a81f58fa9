"""The engine against recordings of Pulumi's own CLI (3.260): same plans, calls, order, state and exit codes.

Each scenario runs on the embedded engine, whose processes are forked with its modules loaded (`warm_recorder.py`), and some on one that is
started anew for each command; where `pulumi` is on PATH they run there too, and must agree with what was recorded.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

RECORDINGS = Path(__file__).with_name("recordings")
RECORDER, WARM = RECORDINGS / "record.py", Path(__file__).with_name("warm_recorder.py")
AGREES = (
    "aliases-rename-and-move", "aws-default-provider", "aws-explicit-provider", "aws-invokes-and-refresh", "check-failures",
    "components-and-transforms", "config", "config-required-by-project", "create-same-update", "default-provider-config", "deleted-with",
    "duplicate-urn", "explicit-providers", "failing-create", "failing-delete", "failing-update", "hooks", "ignore-changes",
    "import-option", "invokes", "killed-after-create", "killed-and-adopted", "killed-before-create", "killed-in-update-and-delete",
    "made-in-part", "order-of-create-and-delete", "parent-moved-without-alias", "policies", "policies-unknown-and-remediation",
    "program-errors", "protect", "read-external", "refresh", "replace-create-first", "replace-delete-first",
    "replace-delete-first-option", "replace-on-changes", "retain-on-delete", "secrets", "sixty-at-once", "stack-reference", "targets",
    "unknowns-in-preview", "up-with-refresh",
)  # fmt: skip


STARTED = ("config", "create-same-update", "killed-and-adopted")


def compare(recorder: Path, scenario: str, *engine: str) -> subprocess.CompletedProcess[str]:
    """One run of the scenario; the differences are what it prints, and its exit code is 1 if there are any."""
    return subprocess.run([sys.executable, str(recorder), "compare", scenario, *engine], capture_output=True, text=True, timeout=280)


CHANCE = {"default-provider-config": "its invoke, which ends all, and the stack's own registration leave the program 0.1 ms apart"}
"""Scenarios in which two calls race, by which two; one of three runs must agree with how the race went in the recording."""


@pytest.mark.parametrize("scenario", AGREES)
def test_agrees_with_the_recording(scenario):
    for _ in range(3 if scenario in CHANCE else 1):
        done = compare(WARM, scenario)
        if done.returncode == 0:
            break
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("scenario", STARTED)
def test_an_engine_that_is_started_for_each_command_agrees_too(scenario, tmp_path):
    """Under the CLI's name: the recorder asks what is so called for its event log, and holds that too."""
    script = tmp_path / "pulumi"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m domicile.engine "$@"\n')
    script.chmod(0o755)
    done = compare(RECORDER, scenario, "--engine", str(script))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not shutil.which("pulumi"), reason="Pulumi's CLI is in no package registry; it runs where a user has it on PATH")
@pytest.mark.parametrize("scenario", AGREES)
def test_the_cli_agrees_with_its_own_recording(scenario):
    done = compare(RECORDER, scenario, "--engine", "pulumi")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_recording_is_accounted_for():
    assert {p.parent.name for p in RECORDINGS.glob("*/steps.json")} == set(AGREES)
