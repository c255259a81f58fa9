"""DOM-TUN-005: No way in for a shell."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.ec2.SerialConsoleAccess(at("console"), enabled=False)


def failing(at):
    aws.ec2transitgateway.InstanceConnectEndpoint(at("door"), subnet_id="subnet-1")


def unknown(at):
    aws.ec2.SerialConsoleAccess(at("console"), enabled=at.unknown)
