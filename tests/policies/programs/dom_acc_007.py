"""DOM-ACC-007: Services act for this account only."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT

UNKNOWN = "decided"


def call(at, **source):
    aws.lambda_.Permission(at("call"), action="lambda:InvokeFunction", function="f", principal="events.amazonaws.com", **source)


def passing(at):
    call(at, source_arn=f"arn:aws:events:ap-northeast-1:{ACCOUNT}:rule/one")


def failing(at):
    call(at)


def unknown(at):
    """What isn't known is made from a thing of this stack, and names that thing alone."""
    call(at, source_arn=aws.cloudwatch.EventRule(at("rule"), schedule_expression="rate(1 minute)").arn)
