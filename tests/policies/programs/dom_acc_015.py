"""DOM-ACC-015: What holds data isn't removed in passing."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.rds.Instance(at("database"), instance_class="db.t4g.small", deletion_protection=True)


def failing(at):
    aws.rds.Instance(at("database"), instance_class="db.t4g.small")
    aws.s3.Bucket(at("bucket"), force_destroy=True)


def unknown(at):
    aws.rds.Instance(at("database"), instance_class="db.t4g.small", deletion_protection=at.unknown)
