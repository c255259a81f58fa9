"""DOM-EGR-005: Interface endpoints stand behind a group and take the service's own name."""

from __future__ import annotations

import pulumi_aws as aws
from parts import group

UNKNOWN = "undecided"


def interface(at, **more):
    basis = {"vpc_id": "vpc-1", "service_name": "com.amazonaws.ap-northeast-1.kms", "vpc_endpoint_type": "Interface"}
    aws.ec2.VpcEndpoint(at("endpoint"), **basis, **more)


def passing(at):
    interface(at, private_dns_enabled=True, security_group_ids=[group(at).id])


def failing(at):
    interface(at, private_dns_enabled=True)


def unknown(at):
    interface(at, private_dns_enabled=at.unknown, security_group_ids=[group(at).id])
