"""DOM-ACC-011: Buckets and topics speak TLS only."""

from __future__ import annotations

import pulumi_aws as aws
from parts import but, policy, statement

UNKNOWN = "undecided"


def spoken(at, said):
    aws.s3.BucketPolicy(at("policy"), bucket=aws.s3.Bucket(at("bucket")).id, policy=said)


def passing(at):
    clear = statement("Deny", "s3:*", "*", "*", {"Bool": {"aws:SecureTransport": "false"}})
    spoken(at, policy(clear, statement("Deny", "s3:*", "*", "*", {"NumericLessThan": {"s3:TlsVersion": "1.2"}})))


def failing(at):
    spoken(at, policy(statement("Deny", "s3:GetObject", "*", "*", but())))


def unknown(at):
    spoken(at, at.unknown)
