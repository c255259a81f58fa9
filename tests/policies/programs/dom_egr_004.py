"""DOM-EGR-004: What passes an endpoint is named whole."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT, policy, statement

UNKNOWN = "undecided"


def through(at, resource):
    said = statement("Allow", "s3:GetObject", resource, "*", {"StringEquals": {"aws:PrincipalAccount": ACCOUNT}})
    aws.ec2.VpcEndpoint(at("endpoint"), vpc_id="vpc-1", service_name="com.amazonaws.ap-northeast-1.s3", policy=policy(said))


def passing(at):
    through(at, "arn:aws:s3:::ours/*")


def failing(at):
    through(at, "*")


def unknown(at):
    aws.ec2.VpcEndpoint(at("endpoint"), vpc_id="vpc-1", service_name="com.amazonaws.ap-northeast-1.s3", policy=at.unknown)
