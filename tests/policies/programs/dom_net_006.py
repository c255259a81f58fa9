"""DOM-NET-006: Nothing is let in from the internet."""

from __future__ import annotations

import pulumi_aws as aws
from parts import group

UNKNOWN = "undecided"


def passing(at):
    group(at, ingress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8"]}])


def failing(at):
    group(at, ingress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["0.0.0.0/0"]}])
    aws.vpc.SecurityGroupIngressRule(at("rule"), security_group_id="sg-1", ip_protocol="tcp", from_port=22, to_port=22, cidr_ipv6="::/0")


def unknown(at):
    port = {"ip_protocol": "tcp", "from_port": 22, "to_port": 22}
    aws.vpc.SecurityGroupIngressRule(at("rule"), security_group_id="sg-1", cidr_ipv4=at.unknown, **port)
