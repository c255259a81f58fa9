"""DOM-ACC-009: Buckets can't be made public."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def blocked(at, switch, bucket=None):
    switches = {"block_public_acls": True, "block_public_policy": switch, "ignore_public_acls": True, "restrict_public_buckets": True}
    aws.s3.BucketPublicAccessBlock(at("block"), bucket=aws.s3.Bucket(at("bucket")).id, **switches)


def passing(at):
    blocked(at, True)


def failing(at):
    blocked(at, False)


def unknown(at):
    blocked(at, at.unknown)
