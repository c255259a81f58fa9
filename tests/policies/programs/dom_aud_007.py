"""DOM-AUD-007: Buckets keep versions."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def versions(at, status):
    aws.s3.BucketVersioning(at("versions"), bucket=aws.s3.Bucket(at("bucket")).id, versioning_configuration={"status": status})


def passing(at):
    versions(at, "Enabled")


def failing(at):
    versions(at, "Suspended")


def unknown(at):
    versions(at, at.unknown)
