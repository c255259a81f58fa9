"""DOM-ACC-001: Policies can be read."""

from __future__ import annotations

import pulumi_aws as aws
from parts import policy, statement

UNKNOWN = "undecided"


def passing(at):
    aws.iam.Policy(at("policy"), policy=policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/*")))


def failing(at):
    aws.cloudwatch.LogDestinationPolicy(at("policy"), destination_name="d", access_policy="no policy")


def unknown(at):
    aws.iam.Policy(at("policy"), policy=at.unknown)
