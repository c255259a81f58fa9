"""Routes, rule by published rule (Amazon VPC User Guide: route tables, how route priority works)."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from domicile_policies.reach.aws.routes import DEFAULT_TABLE, Routes
from domicile_policies.resource import Unknown

from .graph import ENDPOINT, ROUTE, SUBNET, TABLE, TIE, Graph

ANYWHERE = ip_network("0.0.0.0/0")


def tied() -> Graph:
    graph = Graph()
    graph.add(SUBNET, "subnet")
    graph.add(TABLE, "table")
    graph.add(TIE, "tie", subnetId="subnet", routeTableId="table")
    return graph


def targets(graph: Graph, network=ANYWHERE):
    table = Routes(graph.stack, graph.relations).of(graph.resources[0])
    return sorted(route.target for route in table.toward(network))


def test_a_table_without_routes_leads_nowhere_but_the_vpc():
    assert targets(tied()) == []


@pytest.mark.parametrize(
    ("fields", "target"),
    [
        ({"natGatewayId": "nat-1"}, "NAT gateway"), ({"gatewayId": "igw-1"}, "internet gateway"),
        ({"gatewayId": "vgw-1"}, "virtual private gateway"), ({"transitGatewayId": "tgw-1"}, "transit gateway"),
        ({"vpcPeeringConnectionId": "pcx-1"}, "peering connection"), ({"networkInterfaceId": "eni-1"}, "network interface"),
        ({"natGatewayId": Unknown("natGatewayId")}, "NAT gateway"), ({"gatewayId": Unknown("gatewayId")}, "internet gateway"),
        ({"vpcEndpointId": "vpce-1"}, "Gateway Load Balancer endpoint"), ({"coreNetworkArn": "arn"}, "core network"),
    ],
)  # fmt: skip
def test_each_target_of_a_route_is_a_way_on(fields, target):
    graph = tied()
    graph.add(ROUTE, "route", routeTableId="table", destinationCidrBlock="0.0.0.0/0", **fields)
    assert targets(graph) == [target]


def test_the_most_specific_route_wins():
    graph = tied()
    graph.add(ROUTE, "default", routeTableId="table", destinationCidrBlock="0.0.0.0/0", natGatewayId="nat-1")
    graph.add(ROUTE, "peer", routeTableId="table", destinationCidrBlock="10.99.0.0/16", vpcPeeringConnectionId="pcx-1")
    assert targets(graph, ip_network("10.99.3.0/24")) == ["peering connection"]
    assert targets(graph, ip_network("198.51.100.0/24")) == ["NAT gateway"]
    assert targets(graph) == ["NAT gateway", "peering connection"]


def test_ipv4_and_ipv6_go_by_their_own_routes():
    graph = tied()
    graph.add(ROUTE, "six", routeTableId="table", destinationIpv6CidrBlock="::/0", egressOnlyGatewayId="eigw-1")
    assert targets(graph) == []
    assert targets(graph, ip_network("::/0")) == ["egress-only internet gateway"]


def test_a_subnet_without_a_table_of_its_own_uses_the_main_one():
    graph = Graph()
    graph.add(SUBNET, "subnet")
    assert targets(graph) == []
    graph.add(DEFAULT_TABLE, "main", routes=[{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}])
    assert targets(graph) == ["internet gateway"]


def test_a_gateway_endpoints_route_is_for_its_prefix_list_alone():
    graph = tied()
    graph.add(ENDPOINT, "s3", routeTableIds=["table"])
    table = Routes(graph.stack, graph.relations).of(graph.resources[0])
    assert [route.endpoint.name for route in table.routes] == ["s3"]
    assert targets(graph) == []


def test_routes_taken_up_from_a_gateway_may_lead_anywhere():
    graph = Graph()
    graph.add(SUBNET, "subnet")
    graph.add(TABLE, "table", propagatingVgws=["vgw-1"])
    graph.add(TIE, "tie", subnetId="subnet", routeTableId="table")
    assert targets(graph) == ["virtual private gateway"]


def test_a_route_whose_destination_isnt_known_may_be_for_anything():
    graph = tied()
    graph.add(ROUTE, "route", routeTableId="table", destinationCidrBlock=Unknown("d"), natGatewayId="nat-1")
    assert targets(graph) == ["NAT gateway"]


def test_a_table_outside_the_stack_is_none_that_could_be_read():
    graph = Graph()
    subnet = graph.add(SUBNET, "subnet")
    graph.add(TIE, "tie", subnetId="subnet", routeTableId="rtb-elsewhere")
    assert Routes(graph.stack, graph.relations).of(subnet) is None
