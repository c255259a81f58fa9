"""DOM-EGR-002: Only egress proxies dial public addresses."""

from __future__ import annotations

import pulumi_aws as aws
from parts import component, group

UNKNOWN = "undecided"


def out(at, opts=None, cidr="0.0.0.0/0"):
    rule = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ipv4": cidr}
    aws.vpc.SecurityGroupEgressRule(at("rule"), security_group_id=group(at).id, opts=opts, **rule)


def passing(at):
    out(at, component(at, "EgressTier"))


def failing(at):
    out(at)


def unknown(at):
    out(at, cidr=at.unknown)
