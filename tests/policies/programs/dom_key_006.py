"""DOM-KEY-006: Buckets encrypt with an own key."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY

UNKNOWN = "undecided"


def encrypted(at, **default):
    kept = aws.s3.Bucket(at("bucket"))
    rules = [{"apply_server_side_encryption_by_default": default}]
    aws.s3.BucketServerSideEncryptionConfiguration(at("key"), bucket=kept.id, rules=rules)
    return kept


def passing(at):
    encrypted(at, sse_algorithm="aws:kms", kms_master_key_id=KEY)


def failing(at):
    encrypted(at, sse_algorithm="AES256")


def unknown(at):
    encrypted(at, sse_algorithm="aws:kms", kms_master_key_id=at.unknown)
