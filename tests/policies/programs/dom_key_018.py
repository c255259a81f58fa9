"""DOM-KEY-018: Somebody is told when a secret changes."""

from __future__ import annotations

import json

import pulumi_aws as aws
from parts import component

UNKNOWN = "undecided"


def told(at, pattern):
    opts = component(at, "EnvironmentKey")
    rule = aws.cloudwatch.EventRule(at("changed"), event_pattern=pattern, opts=opts)
    aws.cloudwatch.EventTarget(at("told"), rule=rule.name, arn="arn:aws:sns:ap-northeast-1:123456789012:alarms", opts=opts)


EVENTS = ["DeleteSecret", "PutResourcePolicy", "PutSecretValue"]


def passing(at):
    told(at, json.dumps({"source": ["aws.secretsmanager"], "detail": {"eventName": EVENTS}}))


def failing(at):
    component(at, "EnvironmentKey")


def unknown(at):
    told(at, at.unknown)
