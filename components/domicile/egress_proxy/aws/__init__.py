"""The egress tier of one region: the only machines with a route out, behind an internal load balancer. Called by `aws.region`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground
from domicile.aws.names import numbered
from domicile.aws.previewed import previewed
from domicile.config.environments import door
from domicile.network.aws import PROXIES, PUBLIC, Network, subnet
from domicile.network.aws.security_groups import EGRESS_PORT, HEALTH_PORT, allow


@dataclass(frozen=True)
class WayOut:
    """Subnets with a route through NAT, one a zone."""

    subnets: tuple[pulumi.Output[str], ...]


@dataclass(frozen=True)
class Door:
    """Where one environment's machines and functions come in at the egress tier."""

    balancer: pulumi.Output[str]
    """DNS name, to which worker hosts' proxies chain; in a preview that can't know it, a placeholder."""
    port: int
    groups: tuple[pulumi.Output[str], ...]
    """Security groups of whoever goes through it."""


class EgressTier(pulumi.ComponentResource):
    """Route out, balancers and the proxies' target groups. A stack with several environments has a door for each, and may have more tiers
    than one: each has a balancer and proxies of its own behind the same route out."""

    balancers: dict[int, pulumi.Output[str]]
    """DNS names, by tier."""
    target_groups: dict[int, list[pulumi.Output[str]]]
    """Of the doors that are made so far, by tier."""
    way_out: WayOut
    profile: pulumi.Output[str]
    """ARN of the proxies' instance profile."""

    def __init__(self, name: str, ground: Ground, network: Network, key: pulumi.Output[str], opts: pulumi.ResourceOptions) -> None:
        super().__init__("domicile:aws:EgressTier", name, None, opts)
        self._ground, self._network = ground, network
        below = pulumi.ResourceOptions(parent=self)
        self.way_out = self._existing() or self._own(below)
        self._let_proxies_dial(below)
        self._made = {tier: self._balancer(tier, below) for tier in ground.config.tiers}
        self.balancers = {tier: previewed(made.dns_name, self._unknown(tier)) for tier, made in self._made.items()}
        self.target_groups = {tier: [] for tier in ground.config.tiers}
        if not ground.config.environments:
            self._listen(1, "egress", f"{ground.names.prefix[:25]}-egress"[:32], EGRESS_PORT, below)
        policy = previewed(key, ground.names.unmade_key).apply(lambda arn: policies.egress_proxy(ground.names, arn))
        self.profile = ground.machine_role("egress-proxy", "egress proxies: their image and settings", policy, below)
        self.register_outputs({"balancer": self.balancers[ground.config.tiers[0]]})

    def door(self, environment: Ground, opts: pulumi.ResourceOptions) -> Door:
        """The door of one environment. Of several each has a port of its own, at which the proxies hold to that environment's policy, and a
        security group of its own, which alone is let in there: who an environment is, is AWS's to say and not the machine's."""
        name, groups = environment.environment, self._network.groups
        if not name:
            return Door(self.balancers[1], EGRESS_PORT, (groups.workers,))
        served = self._ground.config.environments[name]
        port, tier = door(name, served), served.tier
        mine = aws.ec2.SecurityGroup(
            environment.noun("door"),
            name=environment.names.called("door"),
            description="machines of one environment: to its own port of the egress tier, from nobody",
            vpc_id=self._network.vpc.id,
            tags={"Name": environment.names.called("door")},
            opts=opts,
        )
        allow(environment.noun("to-balancer"), mine.id, groups.balancers[tier], port, opts)
        known = f"{environment.names.called('door')} {tier} {port}"  # what a target group can't change makes another one
        self._listen(tier, environment.noun("door"), f"domicile-{hashlib.sha256(known.encode()).hexdigest()[:16]}", port, opts)
        return Door(self.balancers[tier], port, (groups.workers, mine.id))

    def _unknown(self, tier: int) -> str:
        names = self._ground.names
        return f"{names.prefix}-{numbered('not-known-yet', tier)}.elb.{names.region}.amazonaws.com"

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

    def _balancer(self, tier: int, below: pulumi.ResourceOptions) -> aws.lb.LoadBalancer:
        """Internal, over all zones."""
        noun, network = numbered("egress", tier), self._network
        return aws.lb.LoadBalancer(
            noun,
            name=f"{self._ground.names.prefix[: 31 - len(noun)]}-{noun}"[:32],
            internal=True,
            load_balancer_type="network",
            subnets=list(network.vpc.worker_subnets),
            security_groups=[network.groups.balancers[tier]],
            enable_cross_zone_load_balancing=True,
            opts=below,
        )

    def _listen(self, tier: int, noun: str, name: str, port: int, opts: pulumi.ResourceOptions) -> None:
        """One port of a balancer, to the same port of its proxies. Clients' addresses pass through, so that a proxy's record names the
        worker host."""
        target = aws.lb.TargetGroup(
            noun,
            name=name,
            port=port,
            protocol="TCP",
            target_type="instance",
            vpc_id=self._network.vpc.id,
            preserve_client_ip="true",
            deregistration_delay=60,
            health_check={"protocol": "HTTP", "port": str(HEALTH_PORT), "path": "/ready", "interval": 10, "healthy_threshold": 2},
            opts=opts,
        )
        aws.lb.Listener(
            noun,
            load_balancer_arn=self._made[tier].arn,
            port=port,
            protocol="TCP",
            default_actions=[{"type": "forward", "target_group_arn": target.arn}],
            opts=opts,
        )
        self.target_groups[tier].append(target.arn)


def _ports(ground: Ground) -> Iterator[int]:
    config = ground.config
    for url in config.urls_outside:
        yield urlsplit(url).port or 443
    for served in config.served.values():
        yield from (rule.port for rule in served.egress.rules)
