"""`domicile rehearse`, as an operator runs it: every region stack through all of its stages, and one of them killed again and again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from domicile.aws.names import IMAGES
from domicile.rehearsal.stages import Scene

from .policy_lint import documents, faults

PROJECT = Path(__file__).parents[2]
REGIONS = {"tokyo": "ap-northeast-1", "eu": "eu-central-1", "uae": "me-central-1", "bahrain": "me-south-1", "us": "us-east-1"}
JURISDICTIONS = {"tokyo": "jp", "eu": "eu", "uae": "ae", "bahrain": "bh", "us": "us"}
KILLED = "bahrain"
KILLS = 20
GLOBAL = ("iam", "s3", "")  # services whose ARNs name no region


def run(root, tmp_path, *arguments):
    """The command in a project's folder, with a temporary folder of its own, so that what it leaves shows."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "domicile.cli", "rehearse", *arguments]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False), sorted(scratch.iterdir())


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", REGIONS)
def test_each_stack_goes_up_drifts_changes_and_goes_in_its_region_and_leaves_what_is_retained(name, tmp_path, copied):
    """One of them is killed on its way up, too, at twenty operations."""
    export, docs = tmp_path / "state.json", tmp_path / "docs"
    kills = KILLS if name == KILLED else 0
    ran, left = run(copied(name, tmp_path), tmp_path, name, "--kills", str(kills), "--json", "--export", str(export), "--docs", str(docs))
    assert ran.returncode == 0, ran.stderr
    stages = {stage["name"]: stage["finding"]["figures"] for stage in json.loads(ran.stdout)["stages"] if stage["passed"]}
    assert list(stages)[:8] == ["preview", "up", "up again", "key", "drift", "change", "secrecy", "destroy"]
    assert stages["drift"]["found"] == stages["drift"]["injected"] == 6
    assert stages["change"]["updated"] > 0
    assert stages["up"]["state_bytes"] < 1 << 20  # it is read whole by every operation
    assert len(stages["kills"]["kills"] if kills else []) == kills
    struck = stages["kills again"]["kills"] if kills else []
    assert len(struck) == kills // 4
    assert [where.partition(" ")[0] for where in struck[-1:]] == ["create"] * bool(kills)
    assert any(where.startswith("update of") for where in struck) or not kills
    only_what_is_retained(stages["destroy"]["retained"])
    state = json.loads(export.read_text())
    in_region(state, name)
    assert faults(documents(state["deployment"]["resources"]), REGIONS[name]) == []
    assert written(docs, name) == written(PROJECT / "docs" / "aws", name), "the pages are of an older stack: run `make docs`"
    assert left == []


def written(folder, name):
    """A stack's generated pages."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob(f"{name}[-.]*")}


def only_what_is_retained(left):
    things = [each.rpartition(":")[2] for each in left if each.startswith(("aws:s3/bucket:", "aws:kms/", "aws:ecr/repository:"))]
    assert sorted(things) == ["Bucket access", "Bucket archive", "Key key", *(f"Repository {image}" for image in sorted(IMAGES))]
    images = [each.rpartition(":")[2] for each in left if each.startswith("pulumi-python:dynamic/sandbox_image:")]
    assert sorted(images) == ["PushedImage egress", "PushedImage egress", "PushedImage host", "PushedImage host", "PushedImage sandbox"]
    rest = [each for each in left if not each.startswith(("aws:s3/bucket", "aws:kms/key:", "aws:ecr/", "pulumi-python:dynamic/sandbox"))]
    assert rest == []


def in_region(state, name):
    """The exported state is in Pulumi's form, and everything in it lies where the stack says."""
    assert state["version"] == 3
    outputs = [r.get("outputs", {}) for r in state["deployment"]["resources"]]
    arns = [of["arn"] for of in outputs if str(of.get("arn", "")).startswith("arn:")]
    assert len(arns) > 30
    assert [arn for arn in arns if arn.split(":")[2] not in GLOBAL and arn.split(":")[3] != REGIONS[name]] == []
    assert {of["region"] for of in outputs if "region" in of} == {REGIONS[name]}
    manifest = next(of["residency"] for of in outputs if "residency" in of)
    assert manifest["jurisdiction"] == JURISDICTIONS[name]
    assert {entry["lies_in"] for entry in manifest["properties"]} <= {JURISDICTIONS[name], "operator", "us"}


ACCOUNT = "444455556666"
BROUGHT = {
    "encryptionKey": f"arn:aws:kms:ap-northeast-1:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "permissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/security/boundary",
    **{f"{who}Role": f"arn:aws:iam::{ACCOUNT}:role/teams/{who}" for who in ("worker", "egress", "flowLogs", "watch")},
    **{f"{who}InstanceProfile": f"arn:aws:iam::{ACCOUNT}:instance-profile/{who}" for who in ("worker", "egress")},
}
EXISTING = {
    "vpc": "vpc-0123456789abcdef0",
    "workerSubnets": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "workerRouteTables": ["rtb-0123456789abcdef0"],
    "egressSubnets": ["subnet-0123456789abcdef2", "subnet-0123456789abcdef3"],
}


def of_a_team(root, **access):
    """The stack's file as a team has it: its own account, and all that can be brought along."""
    file = root / "stacks" / "Pulumi.tokyo.yaml"
    content = yaml.safe_load(file.read_text())
    aws = content["config"]["domicile:aws"]
    administrators = [f"arn:aws:iam::{ACCOUNT}:role/platform-admin"]
    aws.update(account=ACCOUNT, access={"administrators": administrators, **BROUGHT, **access})
    aws["network"]["existing"] = EXISTING
    aws["hosts"]["machineImage"] = "ami-0123456789abcdef0"
    file.write_text(yaml.safe_dump(content))
    return root


@pytest.mark.timeout(600)
def test_a_team_rehearses_its_own_account_with_what_it_brings_along(tmp_path, copied):
    """Stood in for, never made anew, and there to the end."""
    export = tmp_path / "state.json"
    ran, left = run(of_a_team(copied("tokyo", tmp_path)), tmp_path, "tokyo", "--kills", "2", "--json", "--export", str(export))
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert [stage["name"] for stage in report["stages"] if stage["passed"]][-2:] == ["destroy", "kills"]
    assert any("1 Vpc" in note and "4 Role" in note for note in report["notes"])
    resources = json.loads(export.read_text())["deployment"]["resources"]
    made = {resource["type"].rpartition(":")[2] for resource in resources}
    assert not made & {"Vpc", "Subnet", "Key", "Role", "InstanceProfile", "NatGateway", "Ami"}
    arns = [str(resource.get("outputs", {}).get("arn", "")) for resource in resources]
    assert {arn.split(":")[4] for arn in arns if arn.startswith("arn:")} <= {ACCOUNT, ""}
    assert left == []


def test_what_cant_be_there_together_is_told_before_anything_is_rehearsed(tmp_path, copied):
    """IAM has one role of a name in an account, whatever the path."""
    root = of_a_team(copied("tokyo", tmp_path), watchRole=f"arn:aws:iam::{ACCOUNT}:role/worker")
    ran, left = run(root, tmp_path, "tokyo", "--kills", "0")
    assert ran.returncode == 1
    assert "already exists" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert left == []


@pytest.mark.parametrize(
    "arguments", [("local",), ("atlantis",), ("tokyo", "--export", "/nowhere/at/all.json"), ("tokyo", "--kills", "-1")]
)
def test_what_cant_be_rehearsed_is_wrong_input(tmp_path, copied, arguments):
    ran, left = run(copied("tokyo", tmp_path), tmp_path, *arguments)
    assert ran.returncode == 2
    assert ran.stderr.strip()
    assert left == []


def test_a_stack_that_aws_would_refuse_fails_the_rehearsal_and_says_where(tmp_path, copied):
    root = copied("tokyo", tmp_path)
    program = root / "stacks" / "__main__.py"
    wide = "here = pulumi_aws.Provider('here', region='ap-northeast-1')\n"
    wide += "pulumi_aws.ec2.Vpc('wide', cidr_block='10.0.0.0/8', opts=pulumi.ResourceOptions(provider=here))\n"
    program.write_text(program.read_text() + "\nimport pulumi_aws\n" + wide)
    ran, left = run(root, tmp_path, "tokyo", "--kills", "0", "--json")
    assert ran.returncode == 1
    assert "cidrBlock" in ran.stderr
    assert [s["passed"] for s in json.loads(ran.stdout)["stages"]] == [False]
    assert left == []


def test_a_rehearsal_never_reaches_the_control_plane(tmp_path, copied, monkeypatch):
    """What a stack keeps there is left out or told an id instead, and the operator's credential isn't handed on."""
    root = copied("tokyo", tmp_path)
    file = root / "stacks" / "Pulumi.tokyo.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["domicile:environment"] = {"name": "ours"}
    server = {"name": "tickets", "host": "mcp.internal.example.com", "network": "10.20.0.0/24"}
    content["config"]["domicile:aws"]["tunnel"] = {"servers": [server]}
    exceptions = content["config"]["domicile:residency"]["exceptions"]
    exceptions.append({**exceptions[0], "property": "aws.tunnel"})
    file.write_text(yaml.safe_dump(content))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-operators")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Scene.of(root, "tokyo") as scene:
        assert "ANTHROPIC_API_KEY" not in os.environ
        assert scene.config().environment.name is None
        assert scene.config().environment.id
        assert scene.config().aws.tunnel is None
        assert len(scene.notes) == 3
    assert os.environ["ANTHROPIC_API_KEY"] == "sk-ant-operators"
