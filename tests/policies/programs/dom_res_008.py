"""DOM-RES-008: What is sent to an address lies in the jurisdiction."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT

UNKNOWN = "undecided"


def sent(at, address):
    topic = f"arn:aws:sns:ap-northeast-1:{ACCOUNT}:alarms"
    aws.sns.TopicSubscription(at("sink"), topic=topic, protocol="https", endpoint=address)


def passing(at):
    sent(at, "https://http-intake.logs.ap1.datadoghq.com/v1/input")


def failing(at):
    sent(at, "https://http-intake.logs.datadoghq.com/v1/input")


def unknown(at):
    sent(at, at.unknown)
