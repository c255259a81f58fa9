"""DOM-AUD-009: Records come from worker hosts only, and nobody loosens the lock."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY, but, locked, policy, statement

UNKNOWN = "undecided"

HEADER = "s3:x-amz-server-side-encryption-aws-kms-key-id"
LOOSEN = ["s3:BypassGovernanceRetention", "s3:DeleteObjectVersion", "s3:PutBucketObjectLockConfiguration"]


def guarded(at, said):
    aws.s3.BucketPolicy(at("policy"), bucket=locked(at).id, policy=said)


def passing(at):
    own = {"StringNotEquals": {HEADER: KEY}, "Null": {HEADER: "false"}}
    write = statement("Deny", "s3:PutObject", "*", "*", but())
    guarded(at, policy(write, statement("Deny", "s3:PutObject", "*", "*", own), statement("Deny", LOOSEN, "*", "*", but())))


def failing(at):
    guarded(at, policy(statement("Deny", "s3:PutObject", "*", "*", but())))


def unknown(at):
    guarded(at, at.unknown)
