"""DOM-NET-007: What is let in is one port a rule."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    port = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}
    aws.vpc.SecurityGroupIngressRule(at("rule"), security_group_id="sg-1", cidr_ipv4="10.0.0.0/8", **port)


def failing(at):
    aws.ec2.SecurityGroupRule(
        at("rule"), type="ingress", security_group_id="sg-1", protocol="-1", from_port=0, to_port=0, cidr_blocks=["10.0.0.0/8"]
    )


def unknown(at):
    aws.vpc.SecurityGroupIngressRule(
        at("rule"), security_group_id="sg-1", ip_protocol="tcp", from_port=443, to_port=at.unknown, cidr_ipv4="10.0.0.0/8"
    )
