"""DOM-AUD-001: Each VPC's flows are recorded."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT, ROLE, vpc

UNKNOWN = "undecided"


def recorded(at, network):
    log = f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:flows"
    aws.ec2.FlowLog(at("flows"), vpc_id=network, traffic_type="ALL", log_destination=log, iam_role_arn=ROLE)


def passing(at):
    recorded(at, vpc(at).id)


def failing(at):
    vpc(at)


def unknown(at):
    vpc(at)
    recorded(at, at.unknown)
