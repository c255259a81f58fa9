"""DOM-AUD-015: The account's own trail records, and can be checked."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.cloudtrail.Trail(at("trail"), s3_bucket_name="b", enable_log_file_validation=True)


def failing(at):
    aws.cloudtrail.Trail(at("trail"), s3_bucket_name="b", enable_logging=False)


def unknown(at):
    aws.cloudtrail.Trail(at("trail"), s3_bucket_name="b", enable_log_file_validation=at.unknown)
