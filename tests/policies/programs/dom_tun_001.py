"""DOM-TUN-001: Nothing comes in to a tunnel host but by its tunnel."""

from __future__ import annotations

import pulumi_aws as aws
from parts import component, group

UNKNOWN = "undecided"


def host(at):
    return group(at, opts=component(at, "McpTunnel"))


PORT = {"ip_protocol": "tcp", "from_port": 443, "to_port": 443}


def passing(at):
    host(at)


def failing(at):
    aws.vpc.SecurityGroupIngressRule(at("in"), security_group_id=host(at).id, cidr_ipv4="10.0.0.0/8", **PORT)


def unknown(at):
    group(at, opts=component(at, "McpTunnel"), ingress=at.unknown)
