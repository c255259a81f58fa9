"""DOM-AUD-006: The archive of records is a locked bucket."""

from __future__ import annotations

import pulumi_aws as aws
from parts import component, locked

UNKNOWN = "undecided"

RULE = {"default_retention": {"mode": "COMPLIANCE", "years": 7}}


def passing(at):
    aws.s3.BucketObjectLockConfiguration(at("lock"), bucket=locked(at, opts=component(at, "Archive")).id, rule=RULE)


def failing(at):
    locked(at)
    component(at, "Archive")


def unknown(at):
    aws.s3.Bucket(at("bucket"), object_lock_enabled=at.unknown, opts=component(at, "Archive"))
