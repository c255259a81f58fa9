"""DOM-KEY-008: Images lie under an own key."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY

UNKNOWN = "undecided"


def passing(at):
    aws.ecr.Repository(at("images"), encryption_configurations=[{"encryption_type": "KMS", "kms_key": KEY}])


def failing(at):
    aws.ecr.Repository(at("images"), encryption_configurations=[{"encryption_type": "KMS"}])


def unknown(at):
    aws.ecr.Repository(at("images"), encryption_configurations=[{"encryption_type": "KMS", "kms_key": at.unknown}])
