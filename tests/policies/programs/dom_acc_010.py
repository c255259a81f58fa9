"""DOM-ACC-010: A bucket's objects are its owner's."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def owned(at, by):
    aws.s3.BucketOwnershipControls(at("owner"), bucket=aws.s3.Bucket(at("bucket")).id, rule={"object_ownership": by})


def passing(at):
    owned(at, "BucketOwnerEnforced")


def failing(at):
    owned(at, "ObjectWriter")


def unknown(at):
    owned(at, at.unknown)
