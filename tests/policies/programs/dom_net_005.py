"""DOM-NET-005: Load balancers are internal."""

from __future__ import annotations

import pulumi_aws as aws
from parts import group

UNKNOWN = "undecided"


def passing(at):
    aws.lb.LoadBalancer(at("balancer"), internal=True, subnets=["subnet-1"], security_groups=[group(at).id])


def failing(at):
    aws.lb.LoadBalancer(at("balancer"), subnets=["subnet-1"], security_groups=[group(at).id])


def unknown(at):
    aws.lb.LoadBalancer(at("balancer"), internal=at.unknown, subnets=["subnet-1"], security_groups=[group(at).id])
