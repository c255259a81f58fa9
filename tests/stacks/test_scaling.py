"""What makes the fleet follow the work, read from the cloud on disk: functions, address, policy, alarms and their runbook."""

import base64
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from domicile.scaling import package as packaged

from .iam import permitted
from .policy_lint import faults

RUNBOOK = Path(__file__).parents[2] / "docs" / "RUNBOOK.md"
FUNCTIONS = ("watch", "webhook")
ALONE = """
class Absent:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("anthropic", "domicile", "httpx", "pydantic"):
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
"""


def archive(listening):
    stored = listening.one("BucketObjectv2", "functions")
    return stored, base64.b64decode(stored["contentBase64"])


def test_the_archive_is_the_same_wherever_and_whenever_it_is_made(tmp_path, monkeypatch):
    first = packaged.package()
    copy = tmp_path / "function"
    shutil.copytree(packaged.FUNCTION, copy, copy_function=shutil.copyfile)
    (copy / "__pycache__").mkdir(exist_ok=True)
    monkeypatch.setattr(packaged, "FUNCTION", copy)
    assert packaged.package() == first
    (copy / "watch.py").write_text("changed = True\n")
    assert packaged.object_key(packaged.package()) != packaged.object_key(first)


def test_the_functions_run_from_their_archive_with_the_runtimes_library_alone(listening, tmp_path):
    """As Lambda does: the archive unpacked, no package of this project beside it."""
    _, content = archive(listening)
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    modules = ", ".join(listening.one("Function", noun)["handler"].rpartition(".")[0] for noun in FUNCTIONS)
    code = f"import sys\n{ALONE}\nimport {modules}\nprint([module.handler for module in ({modules},)])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("noun", FUNCTIONS)
def test_a_function_runs_the_stored_archive_in_the_worker_subnets_and_holds_no_secret(listening, noun):
    stored, content = archive(listening)
    found = listening.one("Function", noun)
    assert (found["s3Bucket"], found["s3Key"]) == (stored["bucket"], stored["key"])
    assert found["sourceCodeHash"] == packaged.code_hash(content)
    workers = {thing.id for thing in listening.things("Subnet") if thing.name.startswith("worker-")}
    assert set(found["vpcConfig"]["subnetIds"]) == workers
    assert not [name for name, value in found["environment"]["variables"].items() if "sk-ant" in value or "whsec" in value]
    assert found["loggingConfig"]["logGroup"].startswith("/domicile/tokyo/")


def test_functions_talk_to_endpoints_and_only_the_one_that_watches_to_the_egress_tier(listening):
    ids = {noun: listening.rehearsal.cloud.thing("SecurityGroup", noun).id for noun in FUNCTIONS}
    rules = [(thing.name, thing.properties["securityGroupId"]) for thing in listening.things("SecurityGroupEgressRule")]
    assert {name for name, group in rules if group == ids["watch"]} == {"watch-to-endpoints", "watch-to-balancer"}
    assert {name for name, group in rules if group == ids["webhook"]} == {"webhook-to-endpoints"}
    assert not [thing for thing in listening.things("SecurityGroupIngressRule") if thing.properties["securityGroupId"] in ids.values()]


def test_the_public_address_has_one_path_and_one_method_and_only_it_may_call_the_function(listening):
    assert [thing.properties["routeKey"] for thing in listening.things("Route") if "routeKey" in thing.properties] == ["POST /webhook"]
    permission = listening.one("Permission", "webhook")
    assert permission["principal"] == "apigateway.amazonaws.com"
    assert permission["sourceArn"].endswith("/*/POST/webhook")
    assert listening.one("Stage", "webhook")["defaultRouteSettings"]["throttlingRateLimit"] > 0
    readers = listening.policy("SecretPolicy", "webhook-signing-secret")["ReadByNoOther"]["Condition"]["StringNotEquals"]
    assert readers["aws:PrincipalArn"] == [f"arn:aws:iam::{listening.config().aws.account}:role/domicile-tokyo-function-webhook"]


def test_the_queue_is_looked_at_every_five_minutes_beside_webhooks_and_every_minute_without(listening, tokyo):
    assert listening.one("EventRule", "watch")["scheduleExpression"] == "rate(5 minutes)"
    assert tokyo.one("EventRule", "watch")["scheduleExpression"] == "rate(1 minute)"
    assert not [thing for thing in tokyo.things("Api") + tokyo.things("Function") if thing.name == "webhook"]


def test_every_alarm_is_told_to_the_topic_and_leads_to_its_section_of_the_runbook(listening):
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in RUNBOOK.read_text().splitlines()
        if line[:1] == "#"
    }
    topic = listening.rehearsal.cloud.thing("Topic", "alarms").properties["arn"]
    found = {thing.name: thing.properties for thing in listening.things("MetricAlarm")}
    assert {"nobody-polls", "oldest-item", "pending-stuck", "at-maximum", "old-key", "key-age", "key-drain", "drill-failed"} <= set(found)
    assert "drill-missing" in found
    for name, alarm in found.items():
        document, _, anchor = alarm["alarmDescription"].rpartition(" ")[2].partition("#")
        assert (document, anchor) == ("docs/RUNBOOK.md", f"alarm-{name}")
        assert anchor in headings
        assert alarm["alarmActions"] == [topic]
    assert found["nobody-polls"]["treatMissingData"] == "breaching", "what publishes nothing on an error is heard by its silence"


def test_every_policy_document_passes_the_linter(listening):
    assert faults(listening.documents(), "ap-northeast-1") == []


def test_no_policy_of_the_queues_function_lets_it_do_more_than_look_wake_and_drain(listening):
    statements = json.loads(listening.one("RolePolicy", "function-watch")["policy"])["Statement"]
    allowed = {action for found in statements if found["Effect"] == "Allow" for action in found["Action"]}
    assert {action for action in allowed if action.startswith("autoscaling:")} == {
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeInstanceRefreshes",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:StartInstanceRefresh",
    }
    assert not [action for action in allowed if action.startswith(("secretsmanager:Put", "secretsmanager:Update", "iam:", "s3:"))]


WIDE = {"Statement": [{"Effect": "Allow", "Action": ["*"], "Resource": ["*"]}]}
"""Somebody's careless policy on a role."""

DRAINS = ("autoscaling:StartInstanceRefresh", "autoscaling:CancelInstanceRefresh", "autoscaling:RollbackInstanceRefresh")
NEW_VERSIONS = ("secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage")


def may(region, noun, action, thing, way, *, by=None, guards=(), **context):
    """Whether this role of the stack may, from inside the VPC; `by`: with another policy than its own."""
    account = region.config().aws.account
    role = f"arn:aws:iam::{account}:role/domicile-{region.name}-{noun}"
    policy = by or json.loads(region.one("RolePolicy", noun)["policy"])
    passes = json.loads(region.one("VpcEndpoint", way)["policy"])
    return permitted(
        action, thing, {"aws:PrincipalArn": role, "aws:PrincipalAccount": account, **context}, policy, guards=guards, way=passes
    )


def group_of(region, noun="worker-hosts"):
    account = region.config().aws.account
    return f"arn:aws:autoscaling:ap-northeast-1:{account}:autoScalingGroup:1:autoScalingGroupName/domicile-{region.name}-{noun}"


def test_only_the_function_that_watches_begins_a_drain_of_worker_hosts_and_with_no_image_of_its_own(listening):
    group, begin = group_of(listening), DRAINS[0]
    assert may(listening, "function-watch", begin, group, "autoscaling")
    assert not may(listening, "function-watch", begin, group, "autoscaling", **{"autoscaling:ImageId": "ami-0123456789abcdef0"})
    assert not may(listening, "function-watch", begin, group_of(listening, "egress-proxies"), "autoscaling", by=WIDE)
    for action in DRAINS[1:]:
        assert not may(listening, "function-watch", action, group, "autoscaling", by=WIDE)
    for noun in ("worker-host", "egress-proxy", "tunnel-host", "function-webhook"):
        for action in DRAINS:
            assert not may(listening, noun, action, group, "autoscaling", by=WIDE), (noun, action)


def test_no_role_of_the_stack_makes_a_version_of_the_key_for_hosts_to_be_drained_by(listening):
    """By neither of the two that stand in the way, each alone: the endpoint's policy, and the secret's own."""
    secret = listening.one("Secret", "environment-key")["arn"]
    [guard] = [thing.properties for thing in listening.things("SecretPolicy") if thing.name == "environment-key"]
    for noun in ("worker-host", "egress-proxy", "tunnel-host", "function-watch", "function-webhook"):
        for action in NEW_VERSIONS:
            assert not may(listening, noun, action, secret, "secretsmanager", by=WIDE), (noun, action)
            account = listening.config().aws.account
            context = {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/domicile-tokyo-{noun}", "aws:PrincipalAccount": account}
            assert not permitted(action, secret, context, WIDE, guards=[json.loads(guard["policy"])], way=WIDE), (noun, action)


def test_a_drain_that_doesnt_come_to_an_end_and_one_that_nobody_tells_of_are_alarms(listening, tokyo):
    for region in (listening, tokyo):
        alarm = region.one("MetricAlarm", "key-drain")
        assert (alarm["metricName"], alarm["statistic"], alarm["treatMissingData"]) == ("KeyDrainSeconds", "Maximum", "breaching")
        assert alarm["threshold"] == 3 * region.config().aws.hosts.drain_seconds
    told = listening.one("Function", "watch")["environment"]["variables"]
    assert int(told["HOST_LIFETIME_SECONDS"]) == listening.one("Group", "worker-hosts")["maxInstanceLifetime"]
