"""A provider double asks IAM: who calls may do what its policies allow, on what they name, and nothing else."""

from __future__ import annotations

import json

import pytest

from domicile.rehearsal.aws import KINDS
from domicile.rehearsal.aws.authorization import FILE, formats, touched
from domicile.rehearsal.aws.least_iam import MANAGED_CHARACTERS, any_of, characters, least
from domicile.rehearsal.principal import Principal

from .authorization import text

ACCOUNT, REGION = "123456789012", "ap-northeast-1"
HERE = f"{REGION}:{ACCOUNT}"
PROGRAM = """
vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.0.0/24", availability_zone="ap-northeast-1a")
topic = aws.sns.Topic("topic", name="told")
trust = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}}]})
role = aws.iam.Role("role", name="flow", assume_role_policy=trust)
group = aws.cloudwatch.LogGroup("group", name="/flow")
aws.ec2.FlowLog("flow", vpc_id=vpc.id, iam_role_arn=role.arn, log_destination=group.arn, traffic_type="ALL")
"""


@pytest.fixture
def applied(stage):
    """A small stack, up and destroyed by who may do everything; then the least that this took."""
    assert stage.up(PROGRAM).exit_code == 0
    assert stage.refresh().exit_code == 0
    assert stage.destroy().exit_code == 0
    return stage, least(stage.rehearsal.calls())


def test_the_least_rights_suffice_and_a_call_without_its_right_is_refused_by_name(applied):
    stage, documents = applied
    elsewhere = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    less = [
        {**d, "Statement": [{**s, **({"Condition": elsewhere} if "iam:PassRole" in s["Action"] else {})} for s in d["Statement"]]}
        for d in documents
    ]
    stage.rehearsal.principal(*less)
    errors = "\n".join(stage.up().errors)
    assert "AccessDenied" in errors
    assert "iam:PassRole" in errors
    stage.rehearsal.principal(*documents)
    assert stage.up().exit_code == 0
    assert stage.refresh().exit_code == 0
    assert stage.destroy().exit_code == 0


@pytest.mark.parametrize(
    ("action", "resource", "region", "may"),
    [
        ("sns:CreateTopic", "arn:a", REGION, True),
        ("SNS:createtopic", "arn:a", REGION, True),
        ("sns:DeleteTopic", "arn:a", REGION, False),
        ("sns:CreateTopic", "arn:b", REGION, False),
        ("sns:CreateTopic", "*", REGION, False),
        ("sns:CreateTopic", "arn:a", "us-east-1", False),
        ("sns:Subscribe", "arn:a", REGION, False),
    ],
)
def test_a_principal_may_what_is_allowed_on_what_is_named_and_not_denied(action, resource, region, may):
    here = {"StringEquals": {"aws:RequestedRegion": REGION}}
    allowed = {"Effect": "Allow", "Action": ["sns:CreateTopic", "sns:Subscribe"], "Resource": "arn:a", "Condition": here}
    denied = {"Effect": "Deny", "Action": "sns:Sub*", "Resource": "*"}
    assert Principal({"Statement": [allowed, denied]}).may(action, resource, {"aws:RequestedRegion": region}) is may


def test_a_condition_that_the_double_knows_nothing_of_allows_nothing(stage):
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}
    stage.rehearsal.principal({"Statement": [allowed]})
    assert "AccessDenied" in "\n".join(stage.up(PROGRAM).errors)
    assert not stage.rehearsal.cloud.things()


def test_what_is_brought_along_is_no_stacks_call(stage):
    stage.rehearsal.principal({"Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert stage.rehearsal.add("aws:sns/topic:Topic", "theirs", REGION, {"name": "theirs"})
    assert not stage.rehearsal.calls()


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (f"arn:aws:ec2:{HERE}:vpc/vpc-0123456789abcdef0", f"arn:aws:ec2:{HERE}:vpc/*"),
        (f"arn:aws:x:{HERE}:group/rslvr-frg-0123456789abcdef", f"arn:aws:x:{HERE}:group/*"),
        (f"arn:aws:kms:{HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab", f"arn:aws:kms:{HERE}:key/*"),
        (f"arn:aws:secretsmanager:{HERE}:secret:a/key-AbCdEf", f"arn:aws:secretsmanager:{HERE}:secret:a/key-??????"),
        (f"arn:aws:logs:{HERE}:log-group:/a/b", f"arn:aws:logs:{HERE}:log-group:/a/b*"),
        ("arn:aws:s3:::bucket/hosts/3f2a.ign", "arn:aws:s3:::bucket/*"),
        (f"arn:aws:iam::{ACCOUNT}:role/domicile-tokyo-worker-host", f"arn:aws:iam::{ACCOUNT}:role/domicile-tokyo-worker-host"),
    ],
)  # fmt: skip
def test_what_aws_chose_in_an_arn_stands_for_any_and_names_stay(arn, expected):
    assert any_of(arn) == expected


def test_an_action_is_asked_about_what_it_touches():
    vpc, subnet = f"arn:aws:ec2:{HERE}:vpc/vpc-1", f"arn:aws:ec2:{HERE}:subnet/subnet-1"
    subnets = "aws:ec2/subnet:Subnet"
    assert touched("ec2:CreateSubnet", subnets, [vpc, subnet, "arn:aws:iam::1:role/r"], ACCOUNT, REGION) == [subnet, vpc]
    assert touched("ec2:DescribeSubnets", subnets, [vpc], ACCOUNT, REGION) == ["*"]
    assert touched("ec2:DeleteNatGateway", "aws:ec2/natGateway:NatGateway", [subnet], ACCOUNT, REGION) == [
        f"arn:aws:ec2:{HERE}:natgateway/*"
    ]
    assert touched("iam:PassRole", subnets, [vpc], ACCOUNT, REGION) == []


def test_documents_are_short_enough_for_managed_policies(applied):
    _, documents = applied
    assert all(characters(document) <= MANAGED_CHARACTERS for document in documents)


def test_the_doubles_reference_of_actions_is_awss():
    assert json.loads(FILE.read_text()) == json.loads(text()), "run `python -m tests.rehearsal.authorization`"
    verbs = ("create", "read", "update", "delete")
    listed = {action for kind in KINDS.values() for verb in verbs for action in getattr(kind.actions, verb)}
    assert listed <= set(formats())
