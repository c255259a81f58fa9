"""DOM-KEY-003: A key's policy says who, and keeps duties apart."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT, ROLE, policy, statement

UNKNOWN = "undecided"

ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}


def passing(at):
    condition = {"StringEquals": {"aws:PrincipalArn": ROLE}}
    aws.kms.Key(at("key"), policy=policy(statement("Allow", ["kms:Decrypt", "kms:GenerateDataKey"], "*", ROOT, condition)))


def failing(at):
    aws.kms.Key(at("key"), policy=policy(statement("Allow", "kms:*", "*", ROOT)))
    aws.kms.Key(at("default"))


def unknown(at):
    aws.kms.Key(at("key"), policy=at.unknown)
