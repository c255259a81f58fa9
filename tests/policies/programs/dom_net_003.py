"""DOM-NET-003: Public addresses belong to NAT gateways only."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.ec2.Eip(at("address"), domain="vpc")


def failing(at):
    aws.ec2.Eip(at("address"), domain="vpc", instance="i-0123456789abcdef0")


def unknown(at):
    aws.ec2.Eip(at("address"), domain="vpc", network_interface=at.unknown)
