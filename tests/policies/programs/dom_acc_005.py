"""DOM-ACC-005: Only named services and roles take a role."""

from __future__ import annotations

import pulumi_aws as aws
from parts import policy, statement, trust

UNKNOWN = "undecided"


def passing(at):
    aws.iam.Role(at("role"), assume_role_policy=trust())


def failing(at):
    aws.iam.Role(at("role"), assume_role_policy=policy(statement("Allow", "sts:AssumeRole", principal={"AWS": "*"})))


def unknown(at):
    aws.iam.Role(at("role"), assume_role_policy=at.unknown)
