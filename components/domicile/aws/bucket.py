"""A bucket as every bucket of an AWS stack is: private, versioned, encrypted, without object ownership by others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from domicile.aws.ground import Ground


def bucket(
    noun: str,
    ground: Ground,
    policy: pulumi.Input[str],
    opts: pulumi.ResourceOptions,
    *,
    key: pulumi.Input[str] | None,
    locked: bool = False,
    lifecycle: Sequence[dict[str, Any]] = (),
) -> aws.s3.Bucket:
    """`key` None: S3's own encryption, the only one that S3's delivery of access logs can write under (S3 guide: server access logging)."""
    made = aws.s3.Bucket(noun, bucket=ground.names.bucket(noun), object_lock_enabled=locked, opts=opts)
    versioned = aws.s3.BucketVersioning(noun, bucket=made.id, versioning_configuration={"status": "Enabled"}, opts=opts)
    default = {"sse_algorithm": "aws:kms", "kms_master_key_id": key} if key is not None else {"sse_algorithm": "AES256"}
    aws.s3.BucketServerSideEncryptionConfiguration(
        noun,
        bucket=made.id,
        rules=[{"apply_server_side_encryption_by_default": default, "bucket_key_enabled": key is not None}],
        opts=opts,
    )
    public = aws.s3.BucketPublicAccessBlock(
        noun,
        bucket=made.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=opts,
    )
    aws.s3.BucketOwnershipControls(noun, bucket=made.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=opts)
    after = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[versioned, public]))
    aws.s3.BucketPolicy(noun, bucket=made.id, policy=policy, opts=after)
    if locked:
        aws.s3.BucketObjectLockConfiguration(
            noun,
            bucket=made.id,
            rule={"default_retention": {"mode": "COMPLIANCE", "years": ground.aws.retention.archive_years}},
            opts=after,
        )
    if lifecycle:
        aws.s3.BucketLifecycleConfiguration(noun, bucket=made.id, rules=list(lifecycle), opts=after)
    return made


def expire(days: int) -> dict[str, Any]:
    """Removes what is older than `days`, its versions and parts of broken uploads."""
    return {
        "id": "expire",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": days},
        "noncurrent_version_expiration": {"noncurrent_days": 1},
        "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
    }


def clear_uploads() -> dict[str, Any]:
    """Removes parts of broken uploads, and nothing else."""
    return {
        "id": "broken-uploads",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
    }
