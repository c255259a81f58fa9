"""Policy documents are read alike however they are written, and what can't be read is never taken for harmless."""

import json

import pytest

from domicile_policies.iam import documents, overlap, read
from domicile_policies.resource import NotKnown, Resource, Unknown


def _of(**statement: object) -> object:
    return read(json.dumps({"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*", **statement}}), "policy").statements[0]


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("s3:*", "s3:GetObject", True), ("s3:Get*", "s3:*Object", True), ("s3:Get?", "s3:Get", False), ("*", "", True),
        ("arn:aws:s3:::a/*", "arn:aws:s3:::b/*", False), ("a*c", "ab*", True), ("a*c", "b*", False),
    ],
)  # fmt: skip
def test_two_patterns_meet_where_a_value_fits_both(one: str, other: str, meet: bool) -> None:
    assert overlap(one, other) is meet
    assert overlap(other, one) is meet


def test_an_action_is_covered_whatever_its_case_and_not_action_by_its_opposite() -> None:
    assert _of(Action="S3:getobject").covers("s3:GetObject")
    inverse = read({"Statement": {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}}, "policy").statements[0]
    assert inverse.covers("s3:GetObject")
    assert not inverse.covers("iam:CreateUser")


@pytest.mark.parametrize(
    ("principal", "condition", "anyone", "bound"),
    [
        ("*", {}, True, False),
        ({"AWS": ["*"]}, {}, True, False),
        ({"Service": "sns.amazonaws.com"}, {}, False, False),
        ("*", {"StringEquals": {"aws:principalaccount": "123456789012"}}, True, True),
        ("*", {"StringEqualsIfExists": {"aws:PrincipalAccount": "123456789012"}}, True, False),
        ("*", {"ForAllValues:StringEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/x"}}, True, False),
        ("*", {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}, True, False),
        ("*", {"StringLike": {"aws:PrincipalArn": ["arn:aws:iam::123456789012:role/*", "*"]}}, True, False),
        ("*", {"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}}, True, False),
    ],
)
def test_anyone_is_bound_only_by_a_condition_that_needs_named_values(
    principal: object, condition: object, anyone: bool, bound: bool
) -> None:
    statement = _of(Principal=principal, Condition=condition)
    assert (statement.for_anyone, statement.bound) == (anyone, bound)


@pytest.mark.parametrize(
    "broken",
    [
        "no json",
        "[]",
        "{}",
        '{"Statement": []}',
        '{"Statement": ["x"]}',
        '{"Statement": {"Effect": "Allow"}}',
        '{"Statement": {"Effect": "allow", "Action": "*"}}',
        '{"Statement": {"Effect": "Allow", "Action": "*", "Condition": "x"}}',
    ],
)
def test_a_broken_document_allows_everything_to_anyone(broken: str) -> None:
    found = read(broken, "policy")
    assert found.broken
    assert found.statements[0].for_anyone and found.statements[0].covers("iam:CreateUser") and found.statements[0].covers_resource("*")


def test_what_is_not_known_of_a_document_raises_when_it_is_read_and_no_sooner() -> None:
    known_but_one = read({"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": Unknown("policy.Resource")}}, "policy")
    assert known_but_one.statements[0].covers("s3:GetObject")
    with pytest.raises(NotKnown):
        known_but_one.statements[0].covers_resource("arn:aws:s3:::x/*")
    with pytest.raises(NotKnown):
        list(documents(Resource("aws:kms/key:Key", "k", "u", {"policy": Unknown("policy")})))


def test_every_place_of_a_document_is_read() -> None:
    text = json.dumps({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
    role = Resource(
        "aws:iam/role:Role", "r", "u", {"assumeRolePolicy": text, "inlinePolicies": [{"name": "a", "policy": text}, {"name": "b"}]}
    )
    assert [(each.kind, each.path) for each in documents(role)] == [("trust", "assumeRolePolicy"), ("identity", "inlinePolicies[0].policy")]
    permission = Resource(
        "aws:lambda/permission:Permission", "p", "u", {"principal": "sns.amazonaws.com", "action": "lambda:InvokeFunction"}
    )
    [document] = documents(permission, "resource")
    assert document.statements[0].principals == (("Service", "sns.amazonaws.com"),) and not document.statements[0].bound
