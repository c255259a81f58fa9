"""DOM-TUN-002: A tunnel host dials named networks only."""

from __future__ import annotations

import pulumi_aws as aws
from parts import component, group

UNKNOWN = "undecided"


def dials(at, network):
    host = group(at, opts=component(at, "McpTunnel"))
    port = {"ip_protocol": "tcp", "from_port": 7844, "to_port": 7844}
    aws.vpc.SecurityGroupEgressRule(at("edge"), security_group_id=host.id, cidr_ipv4=network, **port)


def passing(at):
    dials(at, "198.41.192.0/24")


def failing(at):
    dials(at, "0.0.0.0/0")


def unknown(at):
    dials(at, at.unknown)
