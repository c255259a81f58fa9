"""DOM-RES-007: What a resource names by ARN lies in the jurisdiction."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT

UNKNOWN = "decided"


def passing(at):
    aws.cloudwatch.EventTarget(at("target"), rule="r", arn=f"arn:aws:sns:ap-northeast-1:{ACCOUNT}:alarms")


def failing(at):
    aws.cloudwatch.EventTarget(at("target"), rule="r", arn=f"arn:aws:sns:us-east-1:{ACCOUNT}:alarms")


def unknown(at):
    """An ARN made from a thing of this stack lies where that thing does, which is judged."""
    aws.cloudwatch.EventTarget(at("target"), rule="r", arn=aws.sns.Topic(at("topic")).arn)
