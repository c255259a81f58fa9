"""What the policy documents of a region allow, and that none allows more than it names."""

import json
import re

import pytest

from domicile.aws import function_policies, policies
from domicile.aws.names import Names
from domicile.aws.policy_document import Statement, TooWide, document
from domicile.config.residency import ENDPOINTS

ACCOUNT, REGION = "111122223333", "ap-northeast-1"
ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:role/platform-admin"
WORKER = f"arn:aws:iam::{ACCOUNT}:role/domicile-tokyo-worker-host"
NAMES = Names("tokyo", ACCOUNT, REGION, WORKER, (ADMINISTRATOR,), watches=True, listens=True, tunnels=True)
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SERVICES = (*ENDPOINTS, "ssm", "ssmmessages")

DOCUMENTS = {
    "trust": policies.trust("ec2.amazonaws.com", NAMES),
    "encryption key": policies.encryption_key(NAMES),
    "secret": policies.secret(NAMES, "vpce-1"),
    "worker host": policies.worker_host(NAMES, KEY, ("hec",), "vpce-1"),
    "egress proxy": policies.egress_proxy(NAMES, KEY),
    "tunnel host": policies.tunnel_host(NAMES, KEY),
    "watch": function_policies.watch(NAMES, KEY),
    "webhook": function_policies.webhook(NAMES, KEY),
    "flow logs": policies.flow_logs(NAMES),
    "query logs": policies.query_logs(NAMES),
    "archive bucket": policies.archive_bucket(NAMES, KEY),
    "settings bucket": policies.settings_bucket(NAMES),
    "access log bucket": policies.access_log_bucket(NAMES),
    "repository": policies.repository(NAMES),
    "alarm topic": policies.alarm_topic(NAMES, f"arn:aws:sns:{REGION}:{ACCOUNT}:t"),
    **{f"endpoint {service}": policies.endpoint(service, NAMES, KEY) for service in SERVICES},
}


def statements(name):
    return json.loads(DOCUMENTS[name])["Statement"]


def allows(name):
    return [found for found in statements(name) if found["Effect"] == "Allow"]


@pytest.mark.parametrize(
    ("actions", "resources"), [(("s3:*",), ("arn:aws:s3:::b",)), (("s3:Get*",), ("arn:aws:s3:::b",)), (("s3:GetObject",), ("*",))]
)
def test_a_statement_that_allows_everything_is_refused_without_a_reason(actions, resources):
    with pytest.raises(TooWide):
        Statement("Wide", actions, resources)
    assert "Resource" in document(Statement("Wide", actions, resources, because="AWS has no narrower one"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_allows_a_wildcard_of_actions(name):
    assert not [action for found in allows(name) for action in found["Action"] if "*" in action]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_whoever_allows_every_resource_says_who_or_what_is_meant(name):
    """`*` stands only where AWS has no resource, or where `*` is the one thing that the policy hangs on."""
    for found in allows(name):
        if found.get("Resource") == ["*"]:
            unscoped = {"ecr:GetAuthorizationToken", "cloudwatch:GetMetricStatistics", "cloudwatch:PutMetricData", "sts:GetCallerIdentity"}
            groups = {"autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes"}
            unscoped |= groups | {*function_policies.INTERFACES}
            assert name == "encryption key" or set(found["Action"]) <= unscoped or name in ("endpoint ssm", "endpoint ssmmessages")
            reads = {"ecr:GetAuthorizationToken", *groups, "cloudwatch:GetMetricStatistics"}
            assert "Condition" in found or set(found["Action"]) <= {*reads, *function_policies.INTERFACES}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_statement_ids_are_unique_and_plain(name):
    ids = [found["Sid"] for found in statements(name)]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", found) for found in ids)


@pytest.mark.parametrize("service", SERVICES)
def test_an_endpoint_lets_only_this_stacks_roles_of_this_account_through(service):
    for found in allows(f"endpoint {service}"):
        if found["Sid"] == "ImageLayers":
            continue
        who = found["Condition"]["StringEquals"]
        functions = {NAMES.function_role(noun) for noun in ("watch", "webhook")}
        assert set(who["aws:PrincipalArn"]) <= {*NAMES.machine_roles, *functions}
        assert who["aws:PrincipalAccount"] == ACCOUNT


def test_the_s3_endpoint_leads_to_own_buckets_and_reads_image_layers():
    """An open S3 endpoint is a way out: anybody's bucket could be written through it."""
    found = {statement["Sid"]: statement for statement in allows("endpoint s3")}
    assert {sid: (statement["Action"], statement["Resource"]) for sid, statement in found.items()} == {
        "Settings": (["s3:GetObject"], [f"arn:aws:s3:::domicile-tokyo-settings-{ACCOUNT}/*"]),
        "Archive": (["s3:PutObject"], [f"arn:aws:s3:::domicile-tokyo-archive-{ACCOUNT}/records/*"]),
        "ImageLayers": (["s3:GetObject"], [f"arn:aws:s3:::prod-{REGION}-starport-layer-bucket/*"]),
    }


def test_the_sts_endpoint_gives_no_role():
    assert [found["Action"] for found in allows("endpoint sts")] == [["sts:GetCallerIdentity"]]


def test_the_environment_key_is_read_by_workers_through_the_endpoint_and_written_by_administrators():
    denied = {found["Sid"]: found for found in statements("secret")}
    assert not allows("secret")
    assert denied["ReadByNoOther"]["Condition"] == {"StringNotEquals": {"aws:PrincipalArn": [WORKER]}}
    assert denied["ReadThroughEndpointOnly"]["Condition"] == {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}
    assert denied["WriteByNoOther"]["Condition"] == {"StringNotEquals": {"aws:PrincipalArn": [ADMINISTRATOR]}}
    assert denied["NeverElsewhere"]["Action"] == ["secretsmanager:ReplicateSecretToRegions"]


def test_who_administers_the_key_cannot_decrypt_but_through_a_service():
    found = {statement["Sid"]: statement for statement in allows("encryption key")}
    assert not {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"} & set(found["Administer"]["Action"])
    assert found["UseThroughServices"]["Condition"]["StringEquals"]["kms:ViaService"]
    assert all("Condition" in statement for statement in found.values())


def test_the_archive_refuses_plain_connections_foreign_keys_other_writers_and_replication():
    denied = {found["Sid"]: found for found in statements("archive bucket") if found["Effect"] == "Deny"}
    assert denied["TlsOnly"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert denied["WrittenByWorkersOnly"]["Condition"] == {"StringNotEquals": {"aws:PrincipalArn": [WORKER]}}
    header = "s3:x-amz-server-side-encryption-aws-kms-key-id"
    assert denied["OwnKeyOnly"]["Condition"] == {"StringNotEquals": {header: KEY}, "Null": {header: "false"}}
    assert denied["NeverElsewhere"]["Action"] == ["s3:PutReplicationConfiguration"]


def test_the_function_behind_the_public_address_reads_its_own_secret_and_not_the_environment_key():
    found = {statement["Sid"]: statement for statement in allows("webhook")}
    secrets = {resource for statement in found.values() for resource in statement["Resource"] if ":secret:" in resource}
    assert secrets == {NAMES.secret_arn(NAMES.signing_secret)}
    assert found["Wake"]["Resource"] == [NAMES.group_arn("worker-hosts")]


def test_a_stack_without_functions_and_tunnel_names_no_role_of_theirs():
    bare = Names("tokyo", ACCOUNT, REGION, WORKER, (ADMINISTRATOR,))
    written = [policies.encryption_key(bare), *(policies.endpoint(service, bare, KEY) for service in SERVICES)]
    assert not [text for text in written if "role/domicile-tokyo-function" in text or "tunnel" in text]


def test_the_egress_proxies_read_no_secret():
    assert not [action for found in allows("egress proxy") for action in found["Action"] if action.startswith("secretsmanager:")]


def test_the_longest_stack_name_still_makes_bucket_names():
    names = Names("s" * 31, ACCOUNT, REGION, WORKER, ())
    assert all(len(names.bucket(noun)) <= 63 for noun in ("archive", "settings", "access"))
