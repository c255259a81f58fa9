"""The walk through a VPC: from each worker host's interface over groups, ACLs, routes, endpoints and balancers to where it ends.

A way is open if everything on it lets it through. Two guards that don't depend on each other stand before every way that isn't
declared, security groups and routes; if one of them alone stands, that is a finding too (`one-lock`), because it takes one more change
to open it. Addresses in the VPC that no interface of the stack has may be anybody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domicile_policies.reach.aws.endpoints import Perimeter, openings
from domicile_policies.reach.aws.machines import BALANCERS, FUNCTION, Interface, Machines
from domicile_policies.reach.aws.network_acls import NetworkAcls
from domicile_policies.reach.aws.routes import ENDPOINT, INTERNET, VPCS, Route, Routes, Table
from domicile_policies.reach.aws.security_groups import Door, SecurityGroups
from domicile_policies.reach.declared import Declared
from domicile_policies.reach.proof import Hop, Proof, Way, hop, told
from domicile_policies.reach.relations import Relations, listed, raw
from domicile_policies.reach.traffic import ANY, EVERYWHERE, Network, Ports, network, overlap, within
from domicile_policies.resource import NotKnown, Resource, Stack

Hops = tuple[Hop, ...]


class Walk:
    """One stack's VPCs. `tiers` is told of every machine that a balancer leads to."""

    def __init__(self, stack: Stack, relations: Relations, declared: Declared, proof: Proof) -> None:
        self.stack, self.relations, self.declared, self.proof = stack, relations, declared, proof
        self.groups, self.acls = SecurityGroups(stack, relations), NetworkAcls(stack, relations)
        self.routes, self.machines = Routes(stack, relations), Machines(stack, relations)
        self.perimeter = Perimeter(stack, declared.accounts)
        self.reached: dict[Interface, Hops] = {}
        """Machines behind a balancer, with the way to them."""
        self.doors: dict[int, Declared] = {}
        """Ports at which worker hosts' proxies come in at the second door, and what is declared for whose they are."""
        self._used: set[int] = set()

    def start(self, origin: Interface, hops: Hops) -> None:
        """Everything that one interface can reach."""
        hops = (*hops, hop(origin.at, f"interface {origin.path}"))
        self._whole(origin, hops)
        if origin.public:
            because = "it has a public address, so that a route alone would open it"
            self.proof.find("one-lock", because, hops, "internet", origin.at, origin.path)
        if not origin.filtered:
            self._to_networks(origin, Door(origin.at, origin.path, ANY, network=EVERYWHERE[0]), hops)
        for group in origin.groups.resources:
            for door in self.groups.doors(group, "egress"):
                self.through(origin, door, (*hops, hop(group, f"egress {_rule(door, group)}{door.by}")))
        if self.declared.locks > 1:
            self._routes_alone(origin, hops)

    def through(self, origin: Interface, door: Door, hops: Hops) -> None:
        """Where one door of a group leads."""
        if door.group is not None:
            for there in self.machines.interfaces:
                if door.group in there.groups.resources:
                    self.arrive(origin, there, door, hops)
        elif door.foreign:
            self._answered(door.foreign, "a group outside the stack may have any member", hops, door.rule, door.path)
        elif door.prefix_list:
            self._to_list(origin, door, hops)
        else:
            self._to_networks(origin, door, hops)

    # --- inside the VPC --------------------------------------------------------------------------------------------------

    def arrive(self, origin: Interface, there: Interface, door: Door, hops: Hops) -> None:
        """At another interface, if its groups and both subnets' ACLs let it in."""
        ports = self.admitted(origin, there, door.ports)
        if ports is None or not self._passes_edges(origin, there, ports):
            return
        hops = (*hops, hop(there.at, str(ports)))
        if there.at.is_a(ENDPOINT):
            self.endpoint(there.at, hops)
        elif there.at.is_a(*BALANCERS):
            self._balancer(origin, there, ports, hops)
        else:
            self.proof.find("open", "a worker host reaches a machine that isn't declared", hops, told(there.at), door.rule, door.path)

    def admitted(self, origin: Interface, there: Interface, ports: Ports) -> Ports | None:
        """The first ports by which the target's groups let the origin in."""
        if not there.filtered or not there.groups.whole:
            return ports
        for group in there.groups.resources:
            for door in self.groups.doors(group, "ingress"):
                common = door.ports.meets(ports)
                if common is not None and self._is_peer(door, origin):
                    return common
        return None

    def _is_peer(self, door: Door, who: Interface) -> bool:
        if door.network is not None:
            return not who.addresses or any(overlap(door.network, each) for each in who.addresses)
        return door.group in who.groups.resources if door.group is not None else bool(door.foreign)

    def _passes_edges(self, origin: Interface, there: Interface, ports: Ports) -> bool:
        """Whether any pair of subnets lets it pass; where a subnet can't be seen, it does."""
        pairs = [(a, b) for a in origin.subnets.resources for b in there.subnets.resources]
        if not pairs or not origin.subnets.whole or not there.subnets.whole:
            return True
        return any(a is b or (self._edge(a, True, b, ports) and self._edge(b, False, a, ports)) for a, b in pairs)

    def _edge(self, subnet: Resource, egress: bool, other: Resource, ports: Ports) -> bool:
        peers = [each for each in (network(raw(other.inputs, "cidrBlock")), network(raw(other.inputs, "ipv6CidrBlock"))) if each]
        return not peers or any(self.acls.lets_both_ways(subnet, egress, peer, ports) for peer in peers)

    def endpoint(self, endpoint: Resource, hops: Hops) -> None:
        """What its policy lets out."""
        service = raw(endpoint.inputs, "serviceName")
        name = service if isinstance(service, str) else "a service that isn't known"
        if not isinstance(service, str) or not service.startswith(("com.amazonaws.", "cn.com.amazonaws.")) or ".vpce-svc-" in service:
            self.proof.find("open", "an endpoint leads to another's service", hops, name, endpoint, "serviceName")
            return
        for at, path in self._policies(endpoint):
            try:
                found = list(openings(at, at.get(path), self.perimeter))
            except NotKnown as error:
                self.proof.find("undecided", "the endpoint's policy isn't known", hops, f"AWS {name}", at, error.path)
                continue
            for opening in found:
                way = (*hops, hop(at, f"{opening.path}: {opening.what}"))
                self.proof.find("open", "the endpoint's policy lets out to others", way, f"AWS {name}: {opening.what}", at, opening.path)
            if not found:
                closed = Hop(hops[-1].at, "its policy lets only this stack's accounts at their own things", endpoint)
                self.proof.allow(Way(f"AWS {name}", (*hops[:-1], closed), "for the machine itself, by its role"))

    def _policies(self, endpoint: Resource) -> list[tuple[Resource, str]]:
        """A policy resource of its own takes the place of the endpoint's."""
        apart = [
            each for each in self.stack.of("aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy")
            if endpoint in self.relations.named(each, "vpcEndpointId", ENDPOINT).resources
        ]  # fmt: skip
        return [(each, "policy") for each in apart] or [(endpoint, "policy")]

    # --- a balancer and what is behind it -------------------------------------------------------------------------------------

    def behind(self, balancer: Resource) -> Iterator[tuple[Resource, Resource, Interface | None]]:
        """Every listener of a balancer with its target groups and their machines (None: of a group that has none)."""
        for listener in self.stack.of("aws:lb/listener:Listener", "aws:alb/listener:Listener"):
            if balancer in self.relations.named(listener, "loadBalancerArn", *BALANCERS).resources:
                for target in self._targets(listener):
                    machines: list[Interface | None] = [*self._members(target)]
                    for machine in machines or [None]:
                        yield listener, target, machine

    def _balancer(self, origin: Interface, balancer: Interface, ports: Ports, hops: Hops) -> None:
        for listener, target, machine in self.behind(balancer.at):
            port, goal = listener.inputs.get("port"), target.inputs.get("port")
            if isinstance(port, int) and not any(ports.meets(Ports(each, port, port)) for each in ("tcp", "udp")):
                continue
            way = (*hops, hop(listener, f"listener {listener.inputs.get('protocol', '')} {port}"), hop(target))
            for tie in self._addresses(target):
                self.proof.find(
                    "open", "a balancer leads to an address that is no machine of the stack", way, "an address", tie, "targetId"
                )
            wanted = Ports("tcp", goal, goal) if isinstance(goal, int) else ANY
            if machine and (self.admitted(balancer, machine, wanted) or self.admitted(origin, machine, wanted)):
                self.reached.setdefault(machine, (*way, hop(machine.at, f"in {told(machine.owner)}")))

    def _targets(self, listener: Resource) -> Iterator[Resource]:
        kinds = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
        for n, _ in enumerate(listed(listener.inputs.get("defaultActions"))):
            for path in (f"defaultActions[{n}].targetGroupArn", f"defaultActions[{n}].forward"):
                yield from self.relations.named(listener, path, *kinds).resources

    def _members(self, target: Resource) -> Iterator[Interface]:
        kinds = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")
        tied = {
            id(group) for tie in self.stack.of("aws:autoscaling/attachment:Attachment")
            if target in self.relations.named(tie, "lbTargetGroupArn", *kinds).resources
            for group in self.relations.named(tie, "autoscalingGroupName", "aws:autoscaling/group:Group").resources
        }  # fmt: skip
        attached = [
            r for tie in self._attachments(target) for r in self.relations.named(tie, "targetId", "aws:ec2/instance:Instance").resources
        ]
        for machine in self.machines.interfaces:
            named = self.relations.named(machine.owner, "targetGroupArns", *kinds).resources
            if target in named or id(machine.owner) in tied or machine.owner in attached:
                yield machine

    def _addresses(self, target: Resource) -> Iterator[Resource]:
        for tie in self._attachments(target):
            if not self.relations.named(tie, "targetId", "aws:ec2/instance:Instance", FUNCTION).resources:
                yield tie

    def _attachments(self, target: Resource) -> list[Resource]:
        kinds = ("aws:lb/targetGroupAttachment:TargetGroupAttachment", "aws:alb/targetGroupAttachment:TargetGroupAttachment")
        return [t for t in self.stack.of(*kinds) if target in self.relations.named(t, "targetGroupArn", "aws:*/targetGroup:*").resources]

    # --- out of the VPC --------------------------------------------------------------------------------------------------

    def _to_list(self, origin: Interface, door: Door, hops: Hops) -> None:
        """A prefix list: by the gateway endpoints' routes where the subnet's table has such, else wherever the rest leads."""
        for subnet, table in self.tables(origin):
            services = [route for route in table.routes if route.endpoint is not None]
            for route in services:
                assert route.endpoint is not None  # noqa: S101 - as filtered
                way = (*hops, hop(subnet), hop(route.endpoint, f"route to its prefix list in {_name(table)}"))
                self.endpoint(route.endpoint, way)
            if services:
                names = ", ".join(dict.fromkeys(route.endpoint.name for route in services if route.endpoint))
                self.proof.assume(
                    f"prefix list {door.prefix_list} is that of the gateway endpoint {names}",
                    "AWS keeps it; without the endpoint's route it leads nowhere, as the subnets have no other",
                )
                continue
            for route in table.outward:
                self._leave(origin, subnet, table, route, door, hops)

    def _to_networks(self, origin: Interface, door: Door, hops: Hops) -> None:
        there = door.network or EVERYWHERE[0]
        for other in self.machines.interfaces:
            if other is not origin and (not other.addresses or any(overlap(there, each) for each in other.addresses)):
                self.arrive(origin, other, door, hops)
        for vpc in self.vpcs(origin):
            for inner in _networks(vpc):
                if overlap(there, inner):
                    self._to_anybody(origin, door, inner, (*hops, Hop("local route of the VPC", str(inner), vpc)))
        if not any(within(there, inner) for vpc in self.vpcs(origin) for inner in _networks(vpc)):
            self._outward(origin, door, there, hops)

    def _to_anybody(self, origin: Interface, door: Door, inner: Network, hops: Hops) -> None:
        subnets = origin.subnets.resources
        if not subnets or any(self.acls.lets_both_ways(subnet, True, inner, door.ports) for subnet in subnets):
            because = "a worker host reaches whoever has an address in the VPC"
            self.proof.find("open", because, hops, f"{inner}, {door.ports}", door.rule, door.path)

    def _outward(self, origin: Interface, door: Door, there: Network, hops: Hops) -> None:
        left = False
        for subnet, table in self.tables(origin):
            for route in table.toward(there):
                left = True
                self._leave(origin, subnet, table, route, door, hops)
        if not left and self.declared.locks > 1:
            because = "the security group lets it out: the routes alone stand before"
            self.proof.find("one-lock", because, hops, f"internet: {there}, {door.ports}", door.rule, door.path)

    def _leave(self, origin: Interface, subnet: Resource, table: Table, route: Route, door: Door, hops: Hops) -> None:
        self._used.add(id(route.at))
        way = (*hops, hop(subnet), hop(table.resource or route.at, ""), hop(route.at, route.by))
        there = door.network or EVERYWHERE[0]
        to = f"{'internet' if route.target in INTERNET else route.target}: {there}, {door.ports}"
        if self.acls.lets_both_ways(subnet, True, there, door.ports):
            self.proof.find("open", "a worker host has a way out that isn't declared", way, to, route.at, route.path)
        elif self.declared.locks > 1:
            self.proof.find("one-lock", "group and route let it out: the network ACL alone stands before", way, to, route.at, route.path)

    def _routes_alone(self, origin: Interface, hops: Hops) -> None:
        for subnet, table in self.tables(origin):
            for route in table.outward:
                if id(route.at) not in self._used:
                    way = (*hops, hop(subnet), hop(route.at, route.by))
                    to = "internet" if route.target in INTERNET else route.target
                    because = "the worker hosts' subnet has a route out: the security groups alone stand before"
                    self.proof.find("one-lock", because, way, to, route.at, route.path)

    # --- where it is ------------------------------------------------------------------------------------------------------

    def tables(self, origin: Interface) -> Iterator[tuple[Resource, Table]]:
        """The subnets of an interface with their tables; those that can't be seen are findings of `_whole`."""
        for subnet in origin.subnets.resources:
            table = self.routes.of(subnet)
            if table is not None:
                yield subnet, table

    def vpcs(self, origin: Interface) -> list[Resource]:
        found = (vpc for subnet in origin.subnets.resources for vpc in self.relations.named(subnet, "vpcId", *VPCS).resources)
        return list(dict.fromkeys(found))

    def _whole(self, origin: Interface, hops: Hops) -> None:
        """Whatever the interface has that the stack hasn't."""
        for what, named in (("subnet", origin.subnets), ("group", origin.groups)):
            for each in (*named.foreign, *(("unknown",) if named.unseen else ())):
                self._answered(each, f"a {what} outside the stack: its rules can't be seen", hops, origin.owner, what)
        for subnet in origin.subnets.resources:
            vpc = self.relations.named(subnet, "vpcId", *VPCS)
            for each in vpc.foreign:
                self._answered(each, "a VPC outside the stack: its main table, ACL and resolver can't be seen", hops, subnet, "vpcId")
            if self.routes.of(subnet) is None:
                self.proof.find("undecided", "its route table isn't in the stack", (*hops, hop(subnet)), "anywhere", subnet, "id")

    def _answered(self, identity: str, because: str, hops: Sequence[Hop], resource: Resource, path: str) -> None:
        reason = self.declared.answered(identity)
        if reason:
            self.proof.assume(f"{identity} lets nothing out ({because})", f"parameter `unseen`: {reason}")
        else:
            self.proof.find("undecided", because, hops, identity, resource, path)


def _networks(vpc: Resource) -> list[Network]:
    texts = (raw(vpc.inputs, name) for name in ("cidrBlock", "ipv6CidrBlock"))
    return [each for each in map(network, texts) if each]


def _rule(door: Door, group: Resource) -> str:
    return "" if door.rule is group else f"rule {door.rule.name}: "


def _name(table: Table) -> str:
    return told(table.resource) if table.resource else "the main route table"
