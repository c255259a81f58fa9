"""DOM-KEY-007: Disks lie under an own key."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY, machine

UNKNOWN = "undecided"


def disk(at, **ebs):
    machine(at, block_device_mappings=[{"device_name": "/dev/xvda", "ebs": ebs}])


def passing(at):
    disk(at, encrypted="true", kms_key_id=KEY)


def failing(at):
    disk(at, encrypted="true")
    aws.ec2.Instance(at("one"), ami="ami-1")


def unknown(at):
    disk(at, encrypted=at.unknown, kms_key_id=KEY)
