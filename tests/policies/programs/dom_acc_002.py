"""DOM-ACC-002: Rights are named: no wildcards in actions or resources."""

from __future__ import annotations

import pulumi_aws as aws
from parts import policy, statement

UNKNOWN = "undecided"


def passing(at):
    aws.iam.RolePolicy(at("least"), role="r", policy=policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/*")))


def failing(at):
    aws.iam.RolePolicy(at("least"), role="r", policy=policy(statement("Allow", "s3:Get*", "arn:aws:s3:::b/*")))
    aws.iam.Policy(at("all"), policy=policy(statement("Allow", "s3:GetObject", "*")))


def unknown(at):
    aws.iam.RolePolicy(at("least"), role="r", policy=at.unknown)
