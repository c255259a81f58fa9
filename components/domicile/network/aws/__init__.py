"""The network of one region: worker hosts in subnets without a way out, and every door named. Called by `aws.region`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter

import pulumi
import pulumi_aws as aws

from domicile.aws.ground import Ground
from domicile.network.aws.dns import build_firewall
from domicile.network.aws.endpoints import Endpoints, build_endpoints
from domicile.network.aws.existing import looked_at
from domicile.network.aws.records import build_records
from domicile.network.aws.security_groups import SecurityGroups

SUBNET_BITS = 4
"""A subnet is a sixteenth of the VPC: room for four zones of worker hosts, egress proxies and NAT gateways each, and some spare."""

WORKERS, PROXIES, PUBLIC = 0, 4, 8
"""First sixteenth of each kind."""


@dataclass(frozen=True)
class Vpc:
    """The stack's own VPC, or the one brought along, in one form."""

    id: pulumi.Output[str]
    worker_subnets: tuple[pulumi.Output[str], ...]
    worker_route_tables: tuple[pulumi.Output[str], ...]


class Network(pulumi.ComponentResource):
    """VPC, worker subnets, security groups, endpoints and the records of who talked to whom."""

    vpc: Vpc
    groups: SecurityGroups
    endpoints: Endpoints

    def __init__(self, name: str, ground: Ground, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:Network", name, None, opts)
        below = pulumi.ResourceOptions(parent=self)
        self._ground = ground
        self.vpc = self._existing(pulumi.InvokeOutputOptions(parent=self)) or self._own(below)
        self.groups = SecurityGroups.build(ground, self.vpc.id, below)
        self.endpoints = build_endpoints(ground, self.vpc, self.groups, key, below)
        self.groups.let_workers_reach_s3(self.endpoints.s3_prefix_list, below)
        build_records(ground, self.vpc.id, key, below)
        self.register_outputs({"vpc": self.vpc.id})

    def guard_names(self, balancers: Sequence[pulumi.Input[str]]) -> None:
        """The DNS firewall; `balancers` are the egress tiers' names, known when that room stands."""
        build_firewall(self._ground, self.vpc.id, balancers, pulumi.ResourceOptions(parent=self))

    def _existing(self, opts: pulumi.InvokeOutputOptions) -> Vpc | None:
        """Nothing is made in it before its routes have been looked at."""
        existing = self._ground.aws.network.existing
        if existing is None:
            return None
        seen = looked_at(existing, opts)
        vpc, subnets, tables = (seen.apply(attrgetter(name)) for name in ("vpc", "worker_subnets", "worker_route_tables"))
        return Vpc(vpc, _each(subnets, len(existing.worker_subnets)), _each(tables, len(existing.worker_route_tables)))

    def _own(self, below: pulumi.ResourceOptions) -> Vpc:
        """The worker subnets' one route table has no route but the VPC's own."""
        prefix = self._ground.names.prefix
        vpc = aws.ec2.Vpc(
            "vpc",
            cidr_block=str(self._ground.aws.network.cidr),
            enable_dns_support=True,
            enable_dns_hostnames=True,
            tags={"Name": prefix},
            opts=below,
        )
        aws.ec2.DefaultSecurityGroup("nobody", vpc_id=vpc.id, ingress=[], egress=[], opts=below)
        table = aws.ec2.RouteTable("workers", vpc_id=vpc.id, tags={"Name": f"{prefix}-workers"}, opts=below)
        subnets = tuple(
            subnet(self._ground, f"worker-{zone}", zone, WORKERS + place, vpc.id, table.id, below)
            for place, zone in enumerate(self._ground.aws.zones)
        )
        return Vpc(vpc.id, subnets, (table.id,))


def _each(several: pulumi.Output[tuple[str, ...]], count: int) -> tuple[pulumi.Output[str], ...]:
    return tuple(several.apply(itemgetter(place)) for place in range(count))


def subnet(
    ground: Ground, name: str, zone: str, sixteenth: int, vpc: pulumi.Input[str], table: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.Output[str]:
    """A subnet with its route table; machines in it get no public address."""
    network = list(ground.aws.network.cidr.subnets(SUBNET_BITS))[sixteenth]
    made = aws.ec2.Subnet(
        name,
        vpc_id=vpc,
        availability_zone=zone,
        cidr_block=str(network),
        map_public_ip_on_launch=False,
        tags={"Name": f"{ground.names.prefix}-{name}"},
        opts=opts,
    )
    aws.ec2.RouteTableAssociation(name, subnet_id=made.id, route_table_id=table, opts=opts)
    identity: pulumi.Output[str] = made.id
    return identity
