"""DOM-ACC-003: No role gives itself more."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ROLE, policy, statement

UNKNOWN = "undecided"


def passing(at):
    aws.iam.RolePolicy(at("least"), role="r", policy=policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/*")))
    aws.iam.RolePolicy(at("one"), role="r", policy=policy(statement("Allow", "sts:AssumeRole", "arn:aws:iam::123456789012:role/one")))


def failing(at):
    aws.iam.RolePolicy(at("more"), role="r", policy=policy(statement("Allow", "iam:PutRolePolicy", ROLE)))


def unknown(at):
    aws.iam.RolePolicy(at("least"), role="r", policy=at.unknown)
