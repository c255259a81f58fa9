"""DOM-NET-012: No machine stands beside an internet gateway."""

from __future__ import annotations

import pulumi_aws as aws
from parts import component, fleet, subnet, vpc

UNKNOWN = "undecided"


def standing(at, **hop):
    network = vpc(at)
    place = subnet(at, network)
    table = aws.ec2.RouteTable(at("table"), vpc_id=network.id, routes=[{"cidr_block": "0.0.0.0/0", **hop}])
    aws.ec2.RouteTableAssociation(at("bound"), subnet_id=place.id, route_table_id=table.id)
    opts = component(at, "EgressProxies")
    fleet(at, vpc_zone_identifiers=[place.id], opts=opts)


def passing(at):
    standing(at, nat_gateway_id="nat-0123456789abcdef0")


def failing(at):
    standing(at, gateway_id="igw-0123456789abcdef0")


def unknown(at):
    standing(at, gateway_id=at.unknown)
