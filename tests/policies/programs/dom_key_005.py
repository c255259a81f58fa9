"""DOM-KEY-005: Logs lie under an own key."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.cloudwatch.LogGroup(at("log"), kms_key_id=aws.kms.Key(at("key")).arn)


def failing(at):
    aws.cloudwatch.LogGroup(at("log"))


def unknown(at):
    aws.cloudwatch.LogGroup(at("log"), kms_key_id=at.unknown)
