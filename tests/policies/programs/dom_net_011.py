"""DOM-NET-011: Machines have no route out but through the egress proxies."""

from __future__ import annotations

import pulumi_aws as aws
from parts import fleet, subnet, vpc

UNKNOWN = "undecided"


def standing(at, route, parent=None):
    network = vpc(at)
    place = subnet(at, network)
    table = aws.ec2.RouteTable(at("table"), vpc_id=network.id)
    aws.ec2.RouteTableAssociation(at("bound"), subnet_id=place.id, route_table_id=table.id)
    if route:
        aws.ec2.Route(at("out"), route_table_id=table.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id="nat-0123456789abcdef0")
    fleet(at, vpc_zone_identifiers=[place.id], opts=parent)


def passing(at):
    standing(at, route=False)


def failing(at):
    standing(at, route=True)


def unknown(at):
    fleet(at, vpc_zone_identifiers=at.unknown)
