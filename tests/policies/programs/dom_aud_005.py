"""DOM-AUD-005: What is locked is locked for everybody, long enough."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def lock(at, mode):
    rule = {"default_retention": {"mode": mode, "years": 7}}
    aws.s3.BucketObjectLockConfiguration(at("lock"), bucket="b", rule=rule)


def passing(at):
    lock(at, "COMPLIANCE")


def failing(at):
    lock(at, "GOVERNANCE")


def unknown(at):
    lock(at, at.unknown)
