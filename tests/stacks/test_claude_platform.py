"""A region whose control plane is Claude Platform on AWS: roles in place of the environment key, each with the least."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from domicile_host.settings import HostSettings

from .conftest import in_effect, region_stack
from .policy_lint import faults

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
WORKSPACE = f"arn:aws:aws-external-anthropic:{REGION}:{ACCOUNT}:workspace/wrkspc_01AbCdEf23GhIj"
PLANE = {"kind": "aws", "region": REGION, "workspaceId": "wrkspc_01AbCdEf23GhIj"}


def role(noun: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/domicile-tokyo-{noun}"


@pytest.fixture(scope="module")
def tokyo_on_aws(tmp_path_factory, images):
    with pytest.MonkeyPatch.context() as patch:
        made = in_effect(region_stack("tokyo", tmp_path_factory.mktemp("claude-platform")), patch)
        made.replace("controlPlane", PLANE)
        made.configure(images=images, scaling={"webhook": True})
        result = made.up()
        assert result.exit_code == 0, result.errors
        assert set(made.preview().summary) == {"same"}
        yield made
        destroyed = made.destroy()
    assert destroyed.exit_code == 0, destroyed.errors


def platform_actions(region, name: str) -> dict[str, tuple[list[str], list[str]]]:
    """Actions and resources of the statements of a role's policy that are of the platform or of STS."""
    found = {}
    for sid, statement in region.policy("RolePolicy", name).items():
        if statement["Action"][0].startswith(("aws-external-anthropic:", "sts:")):
            found[sid] = (statement["Action"], statement["Resource"])
    return found


def test_there_is_no_environment_key_to_keep_to_watch_or_to_tell_of(tokyo_on_aws):
    names = {thing.properties["name"] for thing in tokyo_on_aws.things("Secret")}
    assert not any("environment-key" in name for name in names)
    assert "StartInstanceRefresh" not in tokyo_on_aws.state(), "no key, no drain by its version"
    assert not {"key-age", "key-drain", "old-key"} & {thing.name for thing in tokyo_on_aws.things("MetricAlarm")}
    assert "domicile-tokyo/environment-key" not in tokyo_on_aws.state()
    outputs = json.loads(tokyo_on_aws.state())["checkpoint"]["latest"]["resources"][0].get("outputs", {})
    assert "environment_key" not in outputs


def test_each_role_has_what_is_its_own_and_the_gateways_no_more_than_sessions(tokyo_on_aws):
    """The process that reads what sandboxes write can't claim work, read a secret, write the archive or take another role."""
    anyones = {"Token": (["sts:GetWebIdentityToken"], ["*"]), "TokenTags": (["sts:TagGetWebIdentityToken"], ["*"])}
    of = lambda sid: {f"{sid}{name}": found for name, found in anyones.items()}  # noqa: E731
    assert platform_actions(tokyo_on_aws, "worker-host") == {
        "Queue": (["aws-external-anthropic:ProcessEnvironmentWork"], [WORKSPACE]),
        "TakeSessionsRole": (["sts:AssumeRole"], [role("sessions")]),
        **of("Queue"),
    }
    assert platform_actions(tokyo_on_aws, "function-watch") == {
        "Stats": (["aws-external-anthropic:GetEnvironment"], [WORKSPACE]),
        **of("Stats"),
    }
    assert platform_actions(tokyo_on_aws, "function-webhook") == {}
    assert platform_actions(tokyo_on_aws, "egress-proxy") == {}
    sessions = tokyo_on_aws.policy("RolePolicy", "sessions")
    actions = ["aws-external-anthropic:GetSession", "aws-external-anthropic:GetSkill", "aws-external-anthropic:UpdateSession"]
    assert sessions.pop("Sessions")["Action"] == actions
    assert {sid: (found["Action"], found["Resource"]) for sid, found in sessions.items()} == of("Sessions")
    for statement in sessions.values():
        if statement["Action"] == ["sts:GetWebIdentityToken"]:
            assert statement["Condition"]["StringEquals"] == {"aws:CalledViaLast": "aws-external-anthropic.amazonaws.com"}


def test_only_worker_hosts_take_the_gateways_role(tokyo_on_aws):
    (statement,) = json.loads(str(tokyo_on_aws.one("Role", "sessions")["assumeRolePolicy"]))["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:PrincipalArn": [role("worker-host")]}}
    through = tokyo_on_aws.policy("VpcEndpoint", "sts")["Sessions"]
    assert (through["Action"], through["Resource"]) == (["sts:AssumeRole"], [role("sessions")])
    assert through["Condition"]["StringEquals"]["aws:PrincipalArn"] == [role("worker-host")]


def test_the_way_there_is_an_endpoint_of_the_vpc_closed_to_these_roles(tokyo_on_aws):
    endpoint = tokyo_on_aws.one("VpcEndpoint", "aws-external-anthropic")
    assert endpoint["serviceName"] == f"com.amazonaws.{REGION}.aws-external-anthropic"
    assert (endpoint["vpcEndpointType"], endpoint["privateDnsEnabled"]) == ("Interface", True)
    passes = tokyo_on_aws.policy("VpcEndpoint", "aws-external-anthropic")
    assert {sid: found["Condition"]["StringEquals"]["aws:PrincipalArn"] for sid, found in passes.items()} == {
        "Queue": [role("worker-host")],
        "Sessions": [role("sessions")],
        "Stats": [role("function-watch")],
    }
    assert {resource for found in passes.values() for resource in found["Resource"]} == {WORKSPACE}
    assert not any("aws-external-anthropic" in text for text in tokyo_on_aws.machine_files("egress-proxies").values())
    names = tokyo_on_aws.one("ResolverFirewallDomainList", "allowed")["domains"]
    assert f"aws-external-anthropic.{REGION}.api.aws" in names


def test_each_policy_document_is_what_aws_knows(tokyo_on_aws):
    assert faults(tokyo_on_aws.documents(), REGION) == []


def test_a_host_is_told_roles_and_the_gateway_is_given_only_its_own(tokyo_on_aws):
    files = tokyo_on_aws.machine_files("worker-hosts")
    settings = HostSettings.model_validate_json(files["/etc/domicile/settings.json"])
    assert settings.signing is not None
    assert (settings.signing.region, settings.signing.workspace_id) == (REGION, PLANE["workspaceId"])
    assert settings.signing.sessions_role == role("sessions")
    assert settings.secrets.environment_key is None
    assert settings.control_plane_proxy is None
    quadlets = {path.rpartition("/")[2]: text for path, text in files.items() if path.endswith(".container")}
    machine, sessions = str(settings.signing.role_file.parent), str(settings.signing.sessions_role_file.parent)
    sees = {noun: (machine in text, sessions in text) for noun, text in quadlets.items()}
    assert sees == {
        "domicile-dispatcher.container": (True, True),
        "domicile-gateway.container": (False, True),
        "domicile-egress.container": (False, False),
        "domicile-shipper.container": (True, False),
    }
    filters = files["/etc/domicile/services.nft"]
    gateway = filters[filters.index("chain gateway {") :].partition("}\n    chain")[0]
    assert "tcp dport 443 accept" in gateway
    assert "tcp dport 3128" not in gateway
    envoy = filters[filters.index("chain egress {") :].partition("}\n    chain")[0]
    assert "dport 443" not in envoy.replace("dport { 53", "")


def test_the_watching_function_is_told_the_workspace_and_no_secret(tokyo_on_aws):
    told = tokyo_on_aws.one("Function", "watch")["environment"]["variables"]
    assert (told["WORKSPACE_ID"], told["WORKSPACE_REGION"], told["KEY_SECRET"], told["PROXY"]) == (PLANE["workspaceId"], REGION, "", "")


def test_the_manifest_says_where_it_lies_and_that_it_is_excepted(tokyo_on_aws):
    config = yaml.safe_load(tokyo_on_aws.file.read_text())["config"]
    assert any(found["property"] == "controlPlane.url" for found in config["domicile:residency"]["exceptions"])
    resources = json.loads(tokyo_on_aws.state())["checkpoint"]["latest"]["resources"]
    manifest = next(found["outputs"]["residency"] for found in resources if "residency" in found.get("outputs", {}))
    entries = {found["path"]: found for found in manifest["properties"]}
    assert entries["controlPlane.url"]["lies_in"] == "global"
    assert entries["network.endpoints.control-plane"]["lies_in"] == "jp"
    assert "environment_key.secret" not in entries


@pytest.mark.timeout(900)
def test_it_rehearses_like_any_region_with_a_canary_in_another_secret(tmp_path, copied, images):
    root = copied("tokyo", tmp_path / "project")
    file = root / "stacks" / "Pulumi.tokyo.yaml"
    content = yaml.safe_load(file.read_text())
    content["config"]["domicile:controlPlane"] = PLANE
    content["config"]["domicile:aws"] |= {"images": images, "scaling": {"webhook": True}}
    file.write_text(yaml.safe_dump(content))
    command = [sys.executable, "-m", "domicile.cli", "rehearse", "tokyo", "--kills", "0", "--json"]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    stages = {stage["name"]: stage for stage in json.loads(ran.stdout)["stages"]}
    assert all(stage["passed"] for stage in stages.values())
    assert "no environment key" in stages["key"]["finding"]["summary"]


def test_a_workspace_elsewhere_is_reached_through_the_egress_tier(stacked, images):
    region = stacked("tokyo")
    region.replace("controlPlane", {**PLANE, "region": "us-east-1"})
    region.configure(images=images)
    result = region.up()
    assert result.exit_code == 0, result.errors
    assert "aws-external-anthropic" not in {thing.name for thing in region.things("VpcEndpoint")}
    assert any("aws-external-anthropic\\\\.us-east-1" in text for text in region.machine_files("egress-proxies").values())
    settings = HostSettings.model_validate_json(region.machine_files("worker-hosts")["/etc/domicile/settings.json"])
    assert settings.control_plane_proxy is not None
    assert (settings.signing.region, settings.signing.sts_region) == ("us-east-1", REGION)
    queue = platform_actions(region, "worker-host")["Queue"]
    assert queue[1] == [WORKSPACE.replace(REGION, "us-east-1")]
