"""DOM-NET-010: An emptied default group stays empty."""

from __future__ import annotations

import pulumi_aws as aws
from parts import vpc

UNKNOWN = "undecided"


def passing(at):
    aws.ec2.DefaultSecurityGroup(at("nobody"), vpc_id=vpc(at).id, ingress=[], egress=[])


def failing(at):
    aws.ec2.DefaultSecurityGroup(at("nobody"), ingress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "self": True}])


def unknown(at):
    aws.ec2.DefaultSecurityGroup(at("nobody"), egress=at.unknown)
