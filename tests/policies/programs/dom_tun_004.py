"""DOM-TUN-004: No other network is joined to the perimeter's."""

from __future__ import annotations

import pulumi_aws as aws
from parts import vpc

UNKNOWN = "decided"


def passing(at):
    vpc(at)


def failing(at):
    aws.ec2.VpcPeeringConnection(at("peer"), vpc_id=vpc(at).id, peer_vpc_id="vpc-0123456789abcdef0")


def unknown(at):
    aws.ec2.Vpc(at("vpc"), cidr_block=at.unknown)
