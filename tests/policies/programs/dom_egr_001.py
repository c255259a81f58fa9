"""DOM-EGR-001: What may leave is one port a rule."""

from __future__ import annotations

import pulumi_aws as aws
from parts import group

UNKNOWN = "undecided"


def passing(at):
    group(at, egress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8"]}])


def failing(at):
    group(at, egress=[{"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["10.0.0.0/8"]}])


def unknown(at):
    aws.vpc.SecurityGroupEgressRule(at("rule"), security_group_id="sg-1", ip_protocol=at.unknown, cidr_ipv4="10.0.0.0/8")
