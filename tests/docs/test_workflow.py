"""The CI workflow in docs/ci: pinned, with the least rights, and each of its commands does on a copy of the project what the step says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
FILE = PROJECT / "docs" / "ci" / "github-actions.yml"
WORKFLOW = yaml.load(FILE.read_text("utf-8"), Loader=yaml.BaseLoader)  # texts only: `on` is no boolean
JOBS = WORKFLOW["jobs"]
STEPS = [(job, step) for job, said in JOBS.items() for step in said["steps"]]
RUNS = {(job, step["name"]): step["run"] for job, step in STEPS if "run" in step}
WITHOUT = shutil.ignore_patterns(".git", ".venv", ".cache", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache")

PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
"""As a job has it after the step that installs: the commands of this environment come first."""
OF_A_JOB = {"if", "runs-on", "timeout-minutes", "environment", "permissions", "strategy", "env", "steps"}
OF_A_STEP = {"name", "if", "uses", "with", "run", "env"}
PULUMI = """#!/bin/sh
# Stands where Pulumi's CLI would: notes each call, and tells the state.
echo "$*" >> "$CALLS"
case "$*" in *export*) cat "$STATE" ;; esac
"""
URN = "urn:pulumi:tokyo::domicile::aws:ec2/subnet:Subnet::"


def subnet(name: str, public: bool) -> dict[str, object]:
    given = {"cidrBlock": "10.64.0.0/24", "mapPublicIpOnLaunch": public}
    return {"urn": f"{URN}{name}", "type": "aws:ec2/subnet:Subnet", "id": name, "custom": True, "inputs": given, "outputs": given}


def test_it_has_the_form_of_a_workflow():
    assert set(WORKFLOW) == {"name", "on", "permissions", "concurrency", "jobs"}
    assert set(WORKFLOW["on"]) == {"pull_request", "push", "schedule"}
    assert [job for job, said in JOBS.items() if set(said) - OF_A_JOB or "runs-on" not in said or "timeout-minutes" not in said] == []
    assert [step for _, step in STEPS if set(step) - OF_A_STEP or ("run" in step) == ("uses" in step)] == []


def test_every_action_is_pinned_by_commit_with_its_version_beside_it():
    lines = [line.strip() for line in FILE.read_text("utf-8").splitlines() if "uses:" in line]
    assert len(lines) == sum("uses" in step for _, step in STEPS)
    assert [line for line in lines if not re.fullmatch(r"(- )?uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_it_has_no_right_that_a_job_does_not_name_and_none_to_write_but_findings():
    assert WORKFLOW["permissions"] == {}
    rights = {job: {name for name, level in said["permissions"].items() if level == "write"} for job, said in JOBS.items()}
    assert rights == {"preview": {"security-events"}, "live": {"security-events", "id-token"}}


def test_a_pull_request_sees_no_secret_and_no_credential():
    said = yaml.safe_dump(JOBS["preview"])
    assert "secrets." not in said and "id-token" not in said and "aws-actions" not in said
    assert [step for _, step in STEPS if "checkout" in step.get("uses", "") and step["with"]["persist-credentials"] != "false"] == []


def test_no_command_has_an_expression_in_it():
    assert [name for name, run in RUNS.items() if "${{" in run] == []


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    copy = tmp_path_factory.mktemp("repository") / "project"
    shutil.copytree(PROJECT, copy, ignore=WITHOUT)
    return copy


@pytest.fixture
def run(project, tmp_path):
    """Runs a step's command as a runner would, in a copy of the project."""

    def step(job: str, name: str, **variables: str) -> subprocess.CompletedProcess[str]:
        home = {"HOME": str(tmp_path), "DOMICILE_HOME": str(tmp_path / "home"), "DOMICILE_ENGINE": "embedded", "PATH": PATH}
        environment = {**home, "STACK": "tokyo", "GITHUB_PATH": str(tmp_path / "path"), **variables}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", RUNS[job, name]]
        return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=500)

    return step


@pytest.mark.parametrize("job", ["preview", "live"])
def test_it_installs_what_is_locked_and_nothing_else(run, project, tmp_path, job):
    """The commands are noted, not obeyed: to install all again would take minutes. What they name must be there."""
    shutil.rmtree(project / ".venv", ignore_errors=True)
    calls = tmp_path / "calls"
    note = tmp_path / "bin" / "python"
    note.parent.mkdir()
    note.write_text(f'#!/bin/sh\necho "$*" >> {calls}\n[ "$2" = venv ] && mkdir -p "$3/bin" && cp "$0" "$3/bin/python"\nexit 0\n')
    note.chmod(0o755)
    ran = run(job, "Install from the lock", PATH=f"{note.parent}:{PATH}")
    assert ran.returncode == 0, ran.stderr
    venv, locked, own = calls.read_text().splitlines()
    assert venv == "-m venv .venv" and "--require-hashes" in locked and "--no-deps" in own
    assert (project / locked.rpartition("-r ")[2]).is_file()
    assert (tmp_path / "path").read_text().strip() == str(project / ".venv" / "bin")
    shutil.rmtree(project / ".venv")


def test_a_wrong_configuration_stops_it(run, project):
    right = run("preview", "Validate the configuration")
    assert right.returncode == 0, right.stderr
    (project / "stacks" / "Pulumi.wrong.yaml").write_text("config:\n  domicile:platform: aws\n")
    assert run("preview", "Validate the configuration", STACK="wrong").returncode == 2


def test_the_pack_is_asked_and_its_reports_are_where_the_next_steps_look(run, project):
    ran = run("preview", "Hold the stack to the policy pack")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    log = json.loads((project / uploaded("preview", "sarif_file")).read_text())
    assert log["version"] == "2.1.0" and log["runs"][0]["tool"]["driver"]["rules"]
    assert "<h2>Controls</h2>" in (project / uploaded("preview", "path")).read_text()


def uploaded(job: str, key: str) -> str:
    return next(step["with"][key] for each, step in STEPS if each == job and key in step.get("with", {}))


@pytest.mark.parametrize(("public", "code"), [(False, 0), (True, 1)])
def test_at_night_a_guard_that_has_drifted_is_found(run, project, tmp_path, public, code):
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pulumi").write_text(PULUMI)
    (folder / "pulumi").chmod(0o755)
    state = tmp_path / "state.json"
    state.write_text(json.dumps({"version": 3, "deployment": {"resources": [subnet("web", public)]}}))
    variables = {
        "PATH": f"{folder}:{PATH}", "CALLS": str(tmp_path / "calls"), "STATE": str(state), "DOMICILE_ENGINE": "pulumi",
        "PULUMI_BACKEND_URL": "s3://state-of-a-team?region=ap-northeast-1", "PULUMI_CONFIG_PASSPHRASE": "not a real one",
    }  # fmt: skip
    refreshed = run("live", "See what has changed since the last time", **variables)
    assert refreshed.returncode == 0, refreshed.stderr
    assert any(line.startswith("refresh") for line in (tmp_path / "calls").read_text().splitlines())
    judged = run("live", "Hold what is applied to the policy pack", **variables)
    found = json.loads((project / uploaded("live", "sarif_file")).read_text())["runs"][0]["results"]
    assert ("DOM-NET-002" in {each["ruleId"] for each in found}) == public
    assert judged.returncode == code, judged.stderr
