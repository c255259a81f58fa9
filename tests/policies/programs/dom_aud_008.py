"""DOM-AUD-008: Accesses to the archive are recorded."""

from __future__ import annotations

import pulumi_aws as aws
from parts import locked

UNKNOWN = "undecided"


def passing(at):
    aws.s3.BucketLogging(at("logged"), bucket=locked(at).id, target_bucket="accesses", target_prefix="a/")


def failing(at):
    locked(at)


def unknown(at):
    locked(at)
    aws.s3.BucketLogging(at("logged"), bucket=at.unknown, target_bucket="accesses", target_prefix="a/")
