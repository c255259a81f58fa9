"""Endpoint policies as ways out (AWS PrivateLink guide: endpoint policies; IAM User Guide: data perimeters)."""

from __future__ import annotations

import json

import pytest

from domicile_policies.reach.aws.endpoints import Perimeter, openings

from .graph import ENDPOINT, Graph

ACCOUNT, OURS, THEIRS = "123456789012", "arn:aws:sqs:eu-west-1:123456789012:q", "arn:aws:sqs:eu-west-1:999999999999:q"
ME = {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}


def closed(*statements: dict, whole: str | None = "") -> bool:
    graph = Graph()
    endpoint = graph.add(ENDPOINT, "e")
    graph.add("aws:s3/bucket:Bucket", "b", bucket="our-bucket")
    given = [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": OURS, "Condition": ME, **s} for s in statements]
    policy = json.dumps({"Version": "2012-10-17", "Statement": given}) if whole == "" else whole
    return not list(openings(endpoint, policy, Perimeter(graph.stack, frozenset({ACCOUNT}))))


def test_an_endpoint_without_a_policy_lets_everything_through():
    assert not closed(whole=None)


def test_a_policy_that_cant_be_read_lets_everything_through():
    assert not closed(whole="{")


@pytest.mark.parametrize(
    ("statement", "holds"),
    [
        ({}, True),
        ({"Condition": {}}, False),
        ({"Resource": THEIRS}, False),
        ({"Resource": "*"}, False),
        ({"Resource": [OURS, "*"]}, False),
        ({"Resource": "arn:aws:sqs:eu-west-1:*:q"}, False),
        ({"Condition": {}, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/r"}}, True),
        ({"Condition": {}, "Principal": {"AWS": "arn:aws:iam::999999999999:role/r"}}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-abcdefghij"}}}, True),
        ({"Condition": {"StringEqualsIfExists": {"aws:PrincipalAccount": ACCOUNT}}}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalAccount": [ACCOUNT, "999999999999"]}}}, False),
        ({"Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/r"}}}, False),
        ({"Resource": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": ACCOUNT, "aws:ResourceAccount": ACCOUNT}}}, True),
        ({"Action": "sts:GetCallerIdentity", "Resource": "*"}, True),
        ({"Action": "sts:AssumeRole", "Resource": "*"}, False),
        ({"Action": ["ecr:GetAuthorizationToken", "ecr:PutImage"], "Resource": "*"}, False),
        ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::our-bucket/*"}, True),
        ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::our-bucket-too/*"}, False),
        ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::our-*"}, False),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*", "Condition": {}}, True),
        ({"Action": "s3:PutObject", "Resource": "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*", "Condition": {}}, False),
        ({"Action": "execute-api:Invoke", "Resource": "*"}, False),
        ({"Effect": "Deny"}, True),
    ],
)
def test_a_statement_is_closed_by_who_calls_and_what_is_called(statement, holds):
    assert closed(statement) is holds


def test_a_refusal_of_all_that_isnt_ours_closes_an_open_statement():
    open_ = {"Action": "*", "Resource": "*", "Condition": {}}

    def deny(key, operator="StringNotEquals", **more):
        return {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {operator: {key: ACCOUNT}}, **more}

    both = (deny("aws:PrincipalAccount"), deny("aws:ResourceAccount"))
    assert closed(open_, *both)
    assert not closed(open_, both[0])
    assert not closed(open_, both[0], deny("aws:ResourceAccount", Action="s3:*"))
    assert not closed(open_, both[0], deny("aws:ResourceAccount", "StringNotEqualsIfExists"))
