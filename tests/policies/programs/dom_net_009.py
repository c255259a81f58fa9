"""DOM-NET-009: The default security group of each VPC is emptied."""

from __future__ import annotations

import pulumi_aws as aws
from parts import vpc

UNKNOWN = "undecided"


def passing(at):
    aws.ec2.DefaultSecurityGroup(at("nobody"), vpc_id=vpc(at).id)


def failing(at):
    vpc(at)


def unknown(at):
    vpc(at)
    aws.ec2.DefaultSecurityGroup(at("nobody"), vpc_id=at.unknown)
