"""DOM-KEY-019: Who decrypts does so through a service."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY, policy, statement

UNKNOWN = "undecided"


def rights(at, condition):
    aws.iam.RolePolicy(at("least"), role="r", policy=policy(statement("Allow", "kms:Decrypt", KEY, None, condition)))


def passing(at):
    rights(at, {"StringEquals": {"kms:ViaService": "s3.ap-northeast-1.amazonaws.com"}})


def failing(at):
    rights(at, None)


def unknown(at):
    aws.iam.RolePolicy(at("least"), role="r", policy=at.unknown)
