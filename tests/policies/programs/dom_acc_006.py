"""DOM-ACC-006: Nothing is open to everybody."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ROLE, policy, statement

UNKNOWN = "undecided"


def open_to(at, principal):
    said = policy(statement("Allow", "s3:GetObject", "arn:aws:s3:::b/*", principal))
    aws.s3.BucketPolicy(at("policy"), bucket="b", policy=said)


def passing(at):
    open_to(at, {"AWS": ROLE})


def failing(at):
    open_to(at, "*")


def unknown(at):
    aws.s3.BucketPolicy(at("policy"), bucket="b", policy=at.unknown)
