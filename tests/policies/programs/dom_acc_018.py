"""DOM-ACC-018: What machines and functions start from is written by administrators only."""

from __future__ import annotations

import pulumi_aws as aws
from parts import but, ignition, policy, statement

UNKNOWN = "undecided"


def guarded(at, said):
    bucket = aws.s3.Bucket(at("bucket"), bucket=at("bucket"))
    aws.s3.BucketPolicy(at("policy"), bucket=bucket.id, policy=said)
    kind = "application/vnd.coreos.ignition+json"
    aws.s3.BucketObjectv2(at("settings"), bucket=bucket.bucket, key="k", content=ignition({}), content_type=kind)


def passing(at):
    guarded(at, policy(statement("Deny", ["s3:PutObject", "s3:DeleteObject", "s3:GetObject"], "*", "*", but())))


def failing(at):
    guarded(at, policy(statement("Deny", "s3:PutObject", "*", "*", but())))


def unknown(at):
    guarded(at, at.unknown)
