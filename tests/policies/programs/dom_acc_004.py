"""DOM-ACC-004: No role has one of AWS's broad policies."""

from __future__ import annotations

import pulumi_aws as aws
from parts import policy, statement

UNKNOWN = "undecided"


def attached(at, arn):
    aws.iam.RolePolicyAttachment(at("attached"), role="r", policy_arn=arn)


def passing(at):
    attached(at, aws.iam.Policy(at("own"), policy=policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/*"))).arn)


def failing(at):
    attached(at, "arn:aws:iam::aws:policy/AdministratorAccess")


def unknown(at):
    attached(at, at.unknown)
