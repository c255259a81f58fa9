"""DOM-RES-003: Zones and services of a network lie in the jurisdiction."""

from __future__ import annotations

import pulumi_aws as aws
from parts import subnet, vpc

UNKNOWN = "undecided"


def passing(at):
    subnet(at, vpc(at), availability_zone="ap-northeast-1a")


def failing(at):
    aws.ec2.VpcEndpoint(at("endpoint"), vpc_id="vpc-1", service_name="com.amazonaws.us-east-1.s3")


def unknown(at):
    subnet(at, vpc(at), availability_zone=at.unknown)
