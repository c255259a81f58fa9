"""DOM-KEY-009: Messages lie under an own key."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY

UNKNOWN = "undecided"


def passing(at):
    aws.sns.Topic(at("topic"), kms_master_key_id=KEY)


def failing(at):
    aws.sns.Topic(at("topic"), kms_master_key_id="alias/aws/sns")
    aws.sqs.Queue(at("queue"))


def unknown(at):
    aws.sns.Topic(at("topic"), kms_master_key_id=at.unknown)
