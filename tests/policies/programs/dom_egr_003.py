"""DOM-EGR-003: What passes an endpoint is said, and by whom."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT, KEY, policy, statement

UNKNOWN = "undecided"


def endpoint(at, **more):
    basis = {"vpc_id": "vpc-1", "service_name": "com.amazonaws.ap-northeast-1.kms", "vpc_endpoint_type": "Interface"}
    aws.ec2.VpcEndpoint(at("endpoint"), **basis, **more)


OURS = statement("Allow", "kms:Decrypt", KEY, "*", {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})


def passing(at):
    endpoint(at, policy=policy(OURS))


def failing(at):
    endpoint(at)


def unknown(at):
    endpoint(at, policy=at.unknown)
