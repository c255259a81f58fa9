"""DOM-RES-006: No service without a region carries data."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "decided"


def passing(at):
    aws.s3.Bucket(at("bucket"))


def failing(at):
    aws.s3.BucketAccelerateConfiguration(at("edges"), bucket="b", status="Enabled")


def unknown(at):
    aws.s3.Bucket(at("bucket"), bucket=at.unknown)
