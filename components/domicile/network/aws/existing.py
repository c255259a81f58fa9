"""A VPC of the team's own: where its worker subnets' routes lead is looked at in each preview and `up`; the internet is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import pulumi
import pulumi_aws as aws

from domicile.config.aws import ExistingVpc
from domicile.config.aws.network import PRIVATE

_PRIVATE_V6 = IPv6Network("fc00::/7")  # RFC 4193
_TARGETS = (
    "gateway_id", "nat_gateway_id", "egress_only_gateway_id", "carrier_gateway_id", "transit_gateway_id", "vpc_peering_connection_id",
    "network_interface_id", "instance_id", "local_gateway_id", "core_network_arn", "vpc_endpoint_id",
)  # fmt: skip


class ExistingVpcError(pulumi.RunError):
    """The VPC that was brought along isn't as the perimeter needs it; each line says what, where and the fix."""


def looked_at(existing: ExistingVpc, opts: pulumi.InvokeOutputOptions) -> pulumi.Output[ExistingVpc]:
    """The same, once AWS has shown the worker subnets' route tables. Its failure is ExistingVpcError.

    What the provider's function doesn't show isn't judged: the VPC's own route, those to gateway endpoints, and what a virtual private
    gateway propagates (aws_route_table of terraform-provider-aws, `dataSourceRoutesRead`).
    """
    tables: list[pulumi.Output[Any]] = [
        aws.ec2.get_route_table_output(route_table_id=table, opts=opts) for table in existing.worker_route_tables
    ]
    return pulumi.Output.all(*tables).apply(lambda found: _refused(existing, found))


def _refused(existing: ExistingVpc, tables: Sequence[Any]) -> ExistingVpc:
    if objections := [*_open_routes(existing, tables), *_unseen_subnets(existing, tables)]:
        raise ExistingVpcError("\n".join(["aws.network.existing can't be used; nothing was made in it:", *objections]))
    return existing


def _open_routes(existing: ExistingVpc, tables: Sequence[Any]) -> Iterator[str]:
    for place, (identity, table) in enumerate(zip(existing.worker_route_tables, tables, strict=True)):
        for route in table.routes or ():
            destination = route.cidr_block or route.ipv6_cidr_block or route.destination_prefix_list_id or "a destination that isn't shown"
            if not _is_private(route):
                target = next((found for name in _TARGETS if (found := getattr(route, name, None))), "an unknown target")
                yield (
                    f"  workerRouteTables[{place}]: {identity} has a route to {destination} by {target}; allowed are the VPC's own, and "
                    "those to gateway endpoints and private networks; take it out, or give worker hosts subnets of their own"
                )


def _is_private(route: Any) -> bool:
    """A prefix list's networks can change at any time, so it isn't."""
    if route.cidr_block:
        return any(IPv4Network(route.cidr_block).subnet_of(private) for private in PRIVATE)
    return bool(route.ipv6_cidr_block) and IPv6Network(route.ipv6_cidr_block).subnet_of(_PRIVATE_V6)


def _unseen_subnets(existing: ExistingVpc, tables: Sequence[Any]) -> Iterator[str]:
    seen = {association.subnet_id for table in tables for association in table.associations or ()}
    for place, subnet in enumerate(existing.worker_subnets):
        if subnet not in seen:
            yield (
                f"  workerSubnets[{place}]: {subnet} is associated with none of workerRouteTables, so that its routes aren't seen; "
                "associate it with one of them, or name its own table"
            )
