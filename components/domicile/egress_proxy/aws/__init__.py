"""The egress tier of one region: the only machines with a route out, behind an internal load balancer. Called by `aws.assemble`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground
from domicile.aws.previewed import previewed
from domicile.network.aws import PROXIES, PUBLIC, Network, subnet
from domicile.network.aws.security_groups import EGRESS_PORT, HEALTH_PORT


@dataclass(frozen=True)
class WayOut:
    """Subnets with a route through NAT, one a zone."""

    subnets: tuple[pulumi.Output[str], ...]


class EgressTier(pulumi.ComponentResource):
    """Route out, balancer and the proxies' target group."""

    balancer: pulumi.Output[str]
    """DNS name, to which worker hosts' proxies chain; in a preview that can't know it, a placeholder."""
    target_group: pulumi.Output[str]
    way_out: WayOut
    profile: pulumi.Output[str]
    """ARN of the proxies' instance profile."""

    def __init__(self, name: str, ground: Ground, network: Network, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:EgressTier", name, None, opts)
        self._ground, self._network = ground, network
        below = pulumi.ResourceOptions(parent=self)
        self.way_out = self._existing() or self._own(below)
        self._let_proxies_dial(below)
        self._balance(below)
        policy = previewed(key, ground.names.unmade_key).apply(lambda arn: policies.egress_proxy(ground.names, arn))
        self.profile = ground.machine_role("egress-proxy", "egress proxies: their image and settings", policy, below)
        self.register_outputs({"balancer": self.balancer})

    def _existing(self) -> WayOut | None:
        existing = self._ground.aws.network.existing
        return WayOut(tuple(pulumi.Output.from_input(found) for found in existing.egress_subnets)) if existing else None

    def _own(self, below: pulumi.ResourceOptions) -> WayOut:
        """A NAT gateway in each zone, so that a zone that fails takes only its own proxies along."""
        ground, vpc, prefix = self._ground, self._network.vpc.id, self._ground.names.prefix
        door = aws.ec2.InternetGateway("internet", vpc_id=vpc, tags={"Name": prefix}, opts=below)
        out = aws.ec2.RouteTable("public", vpc_id=vpc, tags={"Name": f"{prefix}-public"}, opts=below)
        aws.ec2.Route("public", route_table_id=out.id, destination_cidr_block="0.0.0.0/0", gateway_id=door.id, opts=below)
        subnets = []
        for place, zone in enumerate(ground.aws.zones):
            public = subnet(ground, f"public-{zone}", zone, PUBLIC + place, vpc, out.id, below)
            address = aws.ec2.Eip(zone, domain="vpc", tags={"Name": f"{prefix}-{zone}"}, opts=below)
            after = pulumi.ResourceOptions.merge(below, pulumi.ResourceOptions(depends_on=[door]))
            nat = aws.ec2.NatGateway(zone, subnet_id=public, allocation_id=address.id, tags={"Name": f"{prefix}-{zone}"}, opts=after)
            table = aws.ec2.RouteTable(f"egress-{zone}", vpc_id=vpc, tags={"Name": f"{prefix}-egress-{zone}"}, opts=below)
            aws.ec2.Route(zone, route_table_id=table.id, destination_cidr_block="0.0.0.0/0", nat_gateway_id=nat.id, opts=below)
            aws.ec2.VpcEndpointRouteTableAssociation(
                f"s3-{zone}", vpc_endpoint_id=self._network.endpoints.s3, route_table_id=table.id, opts=below
            )
            subnets.append(subnet(ground, f"egress-{zone}", zone, PROXIES + place, vpc, table.id, below))
        return WayOut(tuple(subnets))

    def _let_proxies_dial(self, below: pulumi.ResourceOptions) -> None:
        """The proxy judges names and addresses; ports are all that a security group can hold it to."""
        for port in sorted(set(_ports(self._ground))):
            aws.vpc.SecurityGroupEgressRule(
                f"proxies-out-{port}",
                security_group_id=self._network.groups.proxies,
                cidr_ipv4="0.0.0.0/0",
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description="what the egress policy allows, the control plane and the sinks",
                opts=below,
            )

    def _balance(self, below: pulumi.ResourceOptions) -> None:
        """Internal, over all zones. Clients' addresses pass through, so that a proxy's record names the worker host."""
        prefix, network = self._ground.names.prefix, self._network
        balancer = aws.lb.LoadBalancer(
            "egress",
            name=f"{prefix[:25]}-egress"[:32],
            internal=True,
            load_balancer_type="network",
            subnets=list(network.vpc.worker_subnets),
            security_groups=[network.groups.balancer],
            enable_cross_zone_load_balancing=True,
            opts=below,
        )
        target = aws.lb.TargetGroup(
            "egress",
            name=f"{prefix[:25]}-egress"[:32],
            port=EGRESS_PORT,
            protocol="TCP",
            target_type="instance",
            vpc_id=network.vpc.id,
            preserve_client_ip="true",
            deregistration_delay=60,
            health_check={"protocol": "HTTP", "port": str(HEALTH_PORT), "path": "/ready", "interval": 10, "healthy_threshold": 2},
            opts=below,
        )
        aws.lb.Listener(
            "egress",
            load_balancer_arn=balancer.arn,
            port=EGRESS_PORT,
            protocol="TCP",
            default_actions=[{"type": "forward", "target_group_arn": target.arn}],
            opts=below,
        )
        self.balancer = previewed(balancer.dns_name, f"{prefix}-not-known-yet.elb.{self._ground.names.region}.amazonaws.com")
        self.target_group = target.arn


def _ports(ground: Ground) -> Iterator[int]:
    config = ground.config
    for url in config.urls_outside:
        yield urlsplit(url).port or 443
    for rule in config.egress.rules:
        yield rule.port
