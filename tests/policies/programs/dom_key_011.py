"""DOM-KEY-011: Objects are put under an own key."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY

UNKNOWN = "undecided"


def passing(at):
    aws.s3.BucketObjectv2(at("object"), bucket="b", key="k", content="c", server_side_encryption="aws:kms", kms_key_id=KEY)


def failing(at):
    aws.s3.BucketObjectv2(at("object"), bucket="b", key="k", content="c")


def unknown(at):
    aws.s3.BucketObjectv2(at("object"), bucket="b", key="k", content="c", server_side_encryption="aws:kms", kms_key_id=at.unknown)
