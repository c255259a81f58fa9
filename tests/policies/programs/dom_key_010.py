"""DOM-KEY-010: Databases and file systems lie under an own key."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY

UNKNOWN = "undecided"


def passing(at):
    aws.efs.FileSystem(at("files"), encrypted=True, kms_key_id=KEY)


def failing(at):
    aws.rds.Instance(at("database"), instance_class="db.t4g.small", storage_encrypted=True)


def unknown(at):
    aws.efs.FileSystem(at("files"), encrypted=at.unknown, kms_key_id=KEY)
