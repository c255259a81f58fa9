"""DOM-AUD-002: Flow logs record what passed and what was refused."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT, ROLE

UNKNOWN = "undecided"


def recorded(at, kind):
    log = f"arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:flows"
    more = {"log_destination": log, "iam_role_arn": ROLE, "max_aggregation_interval": 60}
    aws.ec2.FlowLog(at("flows"), vpc_id="vpc-1", traffic_type=kind, **more)


def passing(at):
    recorded(at, "ALL")


def failing(at):
    recorded(at, "REJECT")


def unknown(at):
    recorded(at, at.unknown)
