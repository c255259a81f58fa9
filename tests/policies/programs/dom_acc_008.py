"""DOM-ACC-008: Nobody has a key that lasts."""

from __future__ import annotations

import pulumi_aws as aws
from parts import trust

UNKNOWN = "decided"


def passing(at):
    aws.iam.Role(at("role"), assume_role_policy=trust())


def failing(at):
    aws.iam.AccessKey(at("key"), user=aws.iam.User(at("user")).name)


def unknown(at):
    aws.iam.Role(at("role"), assume_role_policy=at.unknown)
