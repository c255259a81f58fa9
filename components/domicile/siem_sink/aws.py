"""The locked archive of audit records in one region. Called by `aws.region`."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.bucket import bucket, clear_uploads, expire
from domicile.aws.ground import Ground
from domicile.aws.previewed import previewed


class Archive(pulumi.ComponentResource):
    """A bucket in compliance mode: nobody, root included, deletes or shortens a record before its time. Its accesses are logged.

    With `retain.archive` both buckets outlive the stack; a bucket that holds locked records can't be removed anyway.
    """

    bucket: pulumi.Output[str]

    def __init__(self, name: str, ground: Ground, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:Archive", name, None, opts)
        names = ground.names
        below = pulumi.ResourceOptions(parent=self, retain_on_delete=ground.config.retain.archive)
        days = ground.aws.retention.archive_years * 366
        self.access_log = bucket("access", ground, policies.access_log_bucket(names), below, key=None, lifecycle=[expire(days)])
        policy = previewed(key, names.unmade_key).apply(lambda arn: policies.archive_bucket(names, arn))
        archive = bucket("archive", ground, policy, below, key=key, locked=True, lifecycle=[clear_uploads()])
        aws.s3.BucketLogging("archive", bucket=archive.id, target_bucket=self.access_log.id, target_prefix="archive/", opts=below)
        self.bucket = archive.bucket
        self.register_outputs({"bucket": self.bucket})
