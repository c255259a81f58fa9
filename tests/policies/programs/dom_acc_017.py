"""DOM-ACC-017: Rights over `*` are narrowed by what else AWS offers."""

from __future__ import annotations

import pulumi_aws as aws
from parts import policy, statement

UNKNOWN = "undecided"


def rights(at, condition):
    said = statement("Allow", "cloudwatch:PutMetricData", "*", None, condition)
    aws.iam.RolePolicy(at("least"), role="r", policy=policy(said))


def passing(at):
    rights(at, {"StringEquals": {"cloudwatch:namespace": "Domicile"}})


def failing(at):
    rights(at, None)


def unknown(at):
    aws.iam.RolePolicy(at("least"), role="r", policy=at.unknown)
