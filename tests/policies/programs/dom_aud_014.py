"""DOM-AUD-014: A balancer passes on who connects."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.lb.TargetGroup(at("targets"), port=443, protocol="TCP", vpc_id="vpc-1", target_type="instance")


def failing(at):
    aws.lb.TargetGroup(at("targets"), port=443, protocol="TCP", vpc_id="vpc-1", target_type="ip")


def unknown(at):
    aws.lb.TargetGroup(at("targets"), port=443, protocol="TCP", vpc_id="vpc-1", preserve_client_ip=at.unknown)
