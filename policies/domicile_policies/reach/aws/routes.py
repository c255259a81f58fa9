"""Routes: where a subnet's packets go.

- A subnet uses the table that it is associated with, else the VPC's main one (VPC guide: route tables, subnet route tables).
- The most specific route wins; IPv4 and IPv6 apart (same guide, route priority: longest prefix match).
- Every table has the local route of its VPC (same guide). The main table that AWS makes has no other.
- A gateway endpoint adds a route for its service's prefix list to the tables that it names (PrivateLink guide: gateway endpoints).
  It is more specific than a default route.
- A table may take up routes of a virtual private gateway (same guide, route propagation): then it leads wherever that says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domicile.residency import Source
from domicile_policies.reach.relations import Relations, given, listed
from domicile_policies.reach.traffic import EVERYWHERE, Network, network, within
from domicile_policies.resource import Resource, Stack, Unknown

SOURCE = Source("docs.aws.amazon.com: Amazon VPC User Guide, route tables and how route priority works", "2025")
TABLE, DEFAULT_TABLE = "aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable"
TABLES = (TABLE, DEFAULT_TABLE)
VPCS = ("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc")
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
TARGETS = {
    "natGatewayId": "NAT gateway",
    "transitGatewayId": "transit gateway",
    "vpcPeeringConnectionId": "peering connection",
    "egressOnlyGatewayId": "egress-only internet gateway",
    "networkInterfaceId": "network interface",
    "instanceId": "instance",
    "vpcEndpointId": "Gateway Load Balancer endpoint",
    "localGatewayId": "local gateway",
    "carrierGatewayId": "carrier gateway",
    "coreNetworkArn": "core network",
    "odbNetworkArn": "database network",
}
_GATEWAYS = {"igw": "internet gateway", "vgw": "virtual private gateway", "eigw": "egress-only internet gateway"}
INTERNET = frozenset({"NAT gateway", "internet gateway", "egress-only internet gateway"})


@dataclass(frozen=True)
class Route:
    """One way on. `networks` is empty for a prefix list's route, which then says whose."""

    at: Resource
    path: str
    target: str
    networks: tuple[Network, ...] = ()
    prefix_list: str = ""
    endpoint: Resource | None = None

    @property
    def by(self) -> str:
        return f"route {', '.join(map(str, self.networks)) or self.prefix_list or 'unknown'} → {self.target}"


@dataclass(frozen=True)
class Table:
    """The routes of a subnet beside the local one. `resource` is None for the main table that AWS makes."""

    resource: Resource | None
    routes: tuple[Route, ...] = ()

    @property
    def outward(self) -> tuple[Route, ...]:
        """The routes that leave the VPC, but to AWS's own services."""
        return tuple(route for route in self.routes if route.endpoint is None)

    def toward(self, wanted: Network) -> Iterator[Route]:
        """The outward routes that packets to this network, or to a part of it, can take."""
        for route in self.outward:
            if any(self._takes(route, each, wanted) for each in route.networks or EVERYWHERE):
                yield route

    def _takes(self, route: Route, there: Network, wanted: Network) -> bool:
        if there.version != wanted.version or not there.overlaps(wanted):
            return False
        common = wanted if within(wanted, there) else there
        better = (each for other in self.routes if other is not route for each in other.networks)
        return not any(each.version == there.version and each.prefixlen > there.prefixlen and within(common, each) for each in better)


class Routes:
    """The tables of a stack, by subnet."""

    def __init__(self, stack: Stack, relations: Relations) -> None:
        self._relations = relations
        self._found: dict[int, list[Route]] = defaultdict(list)
        self._of: dict[int, Resource] = {}
        self._foreign: set[int] = set()
        self._main: Resource | None = None
        for table in stack.of(*TABLES):
            self._inline(table)
        for route in stack.of("aws:ec2/route:Route"):
            for table in relations.named(route, "routeTableId", *TABLES).resources:
                self._found[id(table)].append(self._read(route, route.inputs, ""))
        self._endpoints(stack)
        self._propagated(stack)
        self._associate(stack)

    def of(self, subnet: Resource) -> Table | None:
        """The table of a subnet; None where the subnet is told to use one that isn't in the stack."""
        if id(subnet) in self._foreign:
            return None
        table = self._of.get(id(subnet), self._main)
        return Table(table, tuple(self._found[id(table)])) if table else Table(None)

    def _inline(self, table: Resource) -> None:
        for n, route in enumerate(listed(table.inputs.get("routes"))):
            at = f"routes[{n}]"
            found = Route(table, at, "unknown", EVERYWHERE) if isinstance(route, Unknown) else self._read(table, route, at)
            self._found[id(table)].append(found)
        for n, _ in enumerate(listed(table.inputs.get("propagatingVgws"))):
            self._found[id(table)].append(Route(table, f"propagatingVgws[{n}]", "virtual private gateway", EVERYWHERE))

    def _read(self, at: Resource, route: Mapping[str, Any], path: str) -> Route:
        texts = [
            route[n] for n in ("destinationCidrBlock", "cidrBlock", "destinationIpv6CidrBlock", "ipv6CidrBlock") if given(route.get(n))
        ]
        lists = [route["destinationPrefixListId"]] if given(route.get("destinationPrefixListId")) else []
        networks = tuple(each for text in texts for each in ((network(text),) if network(text) else EVERYWHERE) if each)
        prefix_list = "" if not lists else lists[0] if isinstance(lists[0], str) else "unknown"
        return Route(at, path, self._target(at, route), networks or (() if lists else EVERYWHERE), prefix_list)

    def _target(self, at: Resource, route: Mapping[str, Any]) -> str:
        for name, target in TARGETS.items():
            if given(route.get(name)):
                return target
        gateway = route.get("gatewayId")
        if isinstance(gateway, str):
            return _GATEWAYS.get(gateway.partition("-")[0], "local" if gateway == "local" else f"gateway {gateway}")
        made_from = {each.type.rpartition(":")[2] for each in at.sources("gatewayId" if "gatewayId" in at.inputs else "routes") or ()}
        kinds = {"VpnGateway": "virtual private gateway", "EgressOnlyInternetGateway": "egress-only internet gateway"}
        return next((target for name, target in kinds.items() if name in made_from), "internet gateway")

    def _endpoints(self, stack: Stack) -> None:
        for endpoint in stack.of(ENDPOINT):
            for table in self._relations.named(endpoint, "routeTableIds", *TABLES).resources:
                self._found[id(table)].append(_service(endpoint, endpoint))
        for tie in stack.of("aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation"):
            for table in self._relations.named(tie, "routeTableId", *TABLES).resources:
                for endpoint in self._relations.named(tie, "vpcEndpointId", ENDPOINT).resources:
                    self._found[id(table)].append(_service(tie, endpoint))

    def _propagated(self, stack: Stack) -> None:
        for tie in stack.of("aws:ec2/vpnGatewayRoutePropagation:VpnGatewayRoutePropagation"):
            for table in self._relations.named(tie, "routeTableId", *TABLES).resources:
                self._found[id(table)].append(Route(tie, "routeTableId", "virtual private gateway", EVERYWHERE))

    def _associate(self, stack: Stack) -> None:
        for tie in stack.of("aws:ec2/routeTableAssociation:RouteTableAssociation"):
            tables = self._relations.named(tie, "routeTableId", *TABLES)
            for subnet in self._relations.named(tie, "subnetId", "aws:ec2/*ubnet:*ubnet").resources:
                if len(tables.resources) == 1 and tables.whole:
                    self._of[id(subnet)] = tables.resources[0]
                else:
                    self._foreign.add(id(subnet))
        main = [
            *stack.of(DEFAULT_TABLE),
            *(t for tie in stack.of("aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation")
              for t in self._relations.named(tie, "routeTableId", *TABLES).resources),
        ]  # fmt: skip
        self._main = main[0] if main else None


def _service(at: Resource, endpoint: Resource) -> Route:
    return Route(at, "routeTableIds", f"gateway endpoint {endpoint.name}", prefix_list=str(endpoint.name), endpoint=endpoint)
