"""Who can be reached, and over what: AWS's networks. Nothing of a perimeter has a public address, and no machine a route of its own."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from domicile_policies.relations import below_type, each_of, pointing_at, targets, yes
from domicile_policies.resource import NotKnown, Resource, Stack, Unknown
from domicile_policies.rule import Asked, Violation, rule, stack_rule
from domicile_policies.security_groups import TYPES, openings

BOUNDARY = ("SOC2:CC6.6", "ISO27001:A.8.20", "NIST:SC-7")
APART = ("SOC2:CC6.6", "ISO27001:A.8.22", "NIST:SC-7(3)")
MACHINES = ("aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance", "aws:ec2/spotInstanceRequest:SpotInstanceRequest",
            "aws:ec2/launchConfiguration:LaunchConfiguration")  # fmt: skip
PROXIES = ("domicile:aws:EgressProxies", "domicile:aws:McpTunnel")
"""Components whose machines have a route out: it is what they are for."""
FLEETS = {"name_patterns": {"type": "array", "items": {"type": "string"}, "default": [],
                            "description": "names of resources, as patterns, that may have a route out beside egress proxies"}}  # fmt: skip
ANYWHERE = ("0.0.0.0/0", "::/0")


def excepted(stack: Stack, resource: Resource, asked: Asked) -> bool:
    """Whether a machine is a proxy: below a component of proxies, or named by the rule's parameter."""
    patterns = asked.parameters.get("name_patterns", ())
    return below_type(stack, resource, *PROXIES) or any(fnmatchcase(resource.name, pattern) for pattern in patterns)


@rule(
    "DOM-NET-001", "Machines get no public address", *MACHINES,
    why="A machine with a public address can be reached from the internet and has a way out past the egress proxies.",
    fix="set associatePublicIpAddress to false on the machine or on each network interface of its launch template",
    severity="critical", controls=BOUNDARY,
)  # fmt: skip
def no_public_address(machine: Resource, _: Asked) -> Iterator[Violation]:
    said = machine.type.endswith(":LaunchTemplate")
    interfaces = list(machine.items("networkInterfaces")) if said else [("", machine.inputs)]
    if said and not interfaces:
        yield Violation("networkInterfaces", "no interface says that it has no public address: the subnet decides")
    for path, each in interfaces:
        if isinstance(each, Unknown):
            raise NotKnown(path)
        where = f"{path}.associatePublicIpAddress".lstrip(".")
        value = each.get("associatePublicIpAddress")
        if isinstance(value, Unknown):
            raise NotKnown(where)
        if value is None and each.get("networkInterfaceId") is None and each.get("primaryNetworkInterface") is None:
            yield Violation(where, "isn't said: the subnet decides; only false is allowed")
        elif value is not None and value not in (False, "false"):
            yield Violation(where, "only false is allowed")


@rule(
    "DOM-NET-002", "Subnets hand out no public addresses", "aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet",
    why="What starts in such a subnet is on the internet unless it says otherwise.",
    fix="set mapPublicIpOnLaunch and assignIpv6AddressOnCreation to false, or leave them out", severity="high", controls=BOUNDARY,
)  # fmt: skip
def no_public_subnet(subnet: Resource, _: Asked) -> Iterator[Violation]:
    for name in ("mapPublicIpOnLaunch", "assignIpv6AddressOnCreation"):
        default = name == "mapPublicIpOnLaunch" and subnet.is_a("aws:ec2/defaultSubnet:*")
        if yes(subnet.get(name, default)):
            yield Violation(name, "only false is allowed")


@rule(
    "DOM-NET-003", "Public addresses belong to NAT gateways only", "aws:ec2/eip:Eip", "aws:ec2/eipAssociation:EipAssociation",
    why="An elastic address on a machine or an interface is a door from the internet.",
    fix="give the address to a NAT gateway (allocationId of aws.ec2.NatGateway), to nothing else", severity="critical", controls=BOUNDARY,
)  # fmt: skip
def addresses_for_nat_only(address: Resource, _: Asked) -> Iterator[Violation]:
    for name in ("instance", "instanceId", "networkInterface", "networkInterfaceId"):
        if name in address.inputs:
            yield Violation(name, "binds a public address to a machine")


PUBLIC = {
    "aws:rds/instance:Instance": ("publiclyAccessible", False), "aws:rds/clusterInstance:ClusterInstance": ("publiclyAccessible", False),
    "aws:redshift/cluster:Cluster": ("publiclyAccessible", False),
    "aws:redshiftserverless/workgroup:Workgroup": ("publiclyAccessible", False),
    "aws:docdb/clusterInstance:ClusterInstance": ("publiclyAccessible", False),
    "aws:neptune/clusterInstance:ClusterInstance": ("publiclyAccessible", False),
    "aws:dms/replicationInstance:ReplicationInstance": ("publiclyAccessible", False),
    "aws:mq/broker:Broker": ("publiclyAccessible", False), "aws:eks/cluster:Cluster": ("vpcConfig.endpointPublicAccess", True),
    "aws:ecs/service:Service": ("networkConfiguration.assignPublicIp", False),
    "aws:sagemaker/notebookInstance:NotebookInstance": ("directInternetAccess", True),
    "aws:lightsail/instance:Instance": ("", True), "aws:workspaces/workspace:Workspace": ("", True),
}  # fmt: skip
"""Services by the switch that puts them on the internet, and what it is when left out (pulumi-aws 7 schema; EKS and SageMaker API
references); an empty path: always."""


@rule(
    "DOM-NET-004", "Databases, clusters and containers aren't on the internet", *PUBLIC,
    why="A service with a public endpoint is reached, and attacked, from everywhere.", fix="switch the property named off",
    severity="critical", controls=BOUNDARY,
)  # fmt: skip
def no_public_service(service: Resource, _: Asked) -> Iterator[Violation]:
    path, default = PUBLIC[service.type]
    value = service.get(path, default) if path else default
    if yes(value) or value == "Enabled":
        yield Violation(path or "type", "is on the internet")


@rule(
    "DOM-NET-005", "Load balancers are internal", "aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer",
    "aws:elb/loadBalancer:LoadBalancer",
    why="A balancer that faces the internet opens what stands behind it, the egress proxies for one, to everybody.",
    fix="set internal to true", severity="critical", controls=BOUNDARY,
)  # fmt: skip
def internal_balancers(balancer: Resource, _: Asked) -> Iterator[Violation]:
    if not yes(balancer.get("internal")):
        yield Violation("internal", "only true is allowed")
    if balancer.is_a("aws:lb/*", "aws:alb/*") and not balancer.inputs.get("securityGroups"):
        yield Violation("securityGroups", "no group says who may connect")


@rule(
    "DOM-NET-006", "Nothing is let in from the internet", *TYPES,
    why="A security group that takes connections from public addresses is the boundary's hole.",
    fix="name the group that may connect (referencedSecurityGroupId), or a private network", severity="critical", controls=BOUNDARY,
)  # fmt: skip
def no_public_ingress(group: Resource, _: Asked) -> Iterator[Violation]:
    for opening in openings(group, "ingress"):
        if opening.public:
            yield Violation(opening.path or "cidrIpv4", f"lets {', '.join(opening.public)} in")


@rule(
    "DOM-NET-007", "What is let in is one port a rule", *TYPES,
    why="A rule over all protocols or ports lets in what nobody thought of.",
    fix="name the protocol and the port; a range wider than the parameter `ports` needs a rule for each", severity="high",
    controls=("SOC2:CC6.6", "ISO27001:A.8.20", "NIST:CM-7"),
    parameters={"ports": {"type": "integer", "minimum": 1, "default": 16, "description": "the widest range of ports of one rule"}},
)  # fmt: skip
def narrow_ingress(group: Resource, asked: Asked) -> Iterator[Violation]:
    for opening in openings(group, "ingress"):
        if opening.wide(int(asked.parameters.get("ports", 16))):
            yield Violation(opening.path or "ipProtocol", "opens all protocols or a wide range of ports")


@rule(
    "DOM-NET-008", "The metadata service answers the machine itself only, with a token", *MACHINES,
    why="With IMDSv1, more hops or IPv6 a sandbox that got out of its link would find the machine's role (EC2 User Guide: IMDSv2).",
    fix="metadataOptions: httpTokens required, httpPutResponseHopLimit 1, httpProtocolIpv6 disabled, instanceMetadataTags disabled",
    severity="critical", controls=("SOC2:CC6.1", "ISO27001:A.8.3", "NIST:AC-3", "NIST:CM-6"),
)  # fmt: skip
def metadata_guarded(machine: Resource, _: Asked) -> Iterator[Violation]:
    if machine.get("metadataOptions.httpEndpoint") == "disabled":
        return
    if machine.get("metadataOptions.httpTokens") != "required":
        yield Violation("metadataOptions.httpTokens", "only `required` is allowed")
    if machine.get("metadataOptions.httpPutResponseHopLimit") != 1:
        yield Violation("metadataOptions.httpPutResponseHopLimit", "only 1 is allowed")
    for name in ("httpProtocolIpv6", "instanceMetadataTags"):  # both are off where nothing is said
        if machine.get(f"metadataOptions.{name}", "disabled") != "disabled":
            yield Violation(f"metadataOptions.{name}", "only `disabled` is allowed")


@stack_rule(
    "DOM-NET-009", "The default security group of each VPC is emptied",
    why="It lets its members talk to each other and out to anywhere, and what names no group is in it (VPC User Guide).",
    fix="add an aws.ec2.DefaultSecurityGroup with the VPC's id and no rules", severity="medium", controls=APART,
)  # fmt: skip
def default_group_emptied(stack: Stack, _: Asked) -> Iterator[Violation]:
    for vpc in stack.of("aws:ec2/vpc:Vpc", "aws:ec2/defaultVpc:DefaultVpc"):
        if not pointing_at(stack, vpc, "vpcId", "aws:ec2/defaultSecurityGroup:*"):
            yield Violation("defaultSecurityGroupId", "keeps AWS's open rules", vpc)


@rule(
    "DOM-NET-010", "An emptied default group stays empty", "aws:ec2/defaultSecurityGroup:*",
    why="Whatever names no security group would get these rules.", fix="leave ingress and egress empty",
    severity="high", controls=APART,
)  # fmt: skip
def default_group_without_rules(group: Resource, _: Asked) -> Iterator[Violation]:
    for name in ("ingress", "egress"):
        if group.get(name):
            yield Violation(name, "has rules")


INLINE = ("aws:ec2/routeTable:RouteTable", "aws:ec2/defaultRouteTable:DefaultRouteTable")
HOPS = ("gatewayId", "natGatewayId", "egressOnlyGatewayId", "transitGatewayId", "vpcPeeringConnectionId", "networkInterfaceId",
        "carrierGatewayId", "localGatewayId", "coreNetworkArn", "instanceId")  # fmt: skip


def ways(stack: Stack, table: Resource) -> Iterator[tuple[Resource, str, str]]:
    """The routes of a table to anything but the VPC itself and its endpoints: whose, by what kind of hop, and the property's path."""
    for path, each in table.items("routes"):
        if isinstance(each, Unknown):
            raise NotKnown(path)
        yield from ((table, hop, f"{path}.{hop}") for hop in HOPS if _leads(each.get(hop)))
    for route in pointing_at(stack, table, "routeTableId", "aws:ec2/route:Route"):
        yield from ((route, hop, hop) for hop in HOPS if _leads(route.inputs.get(hop)))


def _leads(hop: object) -> bool:
    """What isn't known leads somewhere."""
    return isinstance(hop, Unknown) or hop not in (None, "", "local")


def subnets_of(stack: Stack, machine: Resource) -> list[Resource]:
    """Where a machine, a fleet or a function stands."""
    found = []
    for prop in ("vpcZoneIdentifiers", "subnetId", "vpcConfig", "networkInterfaces", "networkConfiguration"):
        there = targets(stack, machine, prop, "aws:ec2/subnet:Subnet")
        if not there and not machine.known(prop):
            raise NotKnown(prop)
        found += there
    for template in targets(stack, machine, "launchTemplate", "aws:ec2/launchTemplate:*"):
        found += targets(stack, template, "networkInterfaces", "aws:ec2/subnet:Subnet")
    return found


def tables_of(stack: Stack, subnet: Resource) -> list[Resource]:
    """The route tables bound to a subnet."""
    bound = pointing_at(stack, subnet, "subnetId", "aws:ec2/routeTableAssociation:*")
    return [table for each in bound for table in targets(stack, each, "routeTableId", *INLINE)]


STANDING = ("aws:autoscaling/group:Group", "aws:ec2/instance:Instance", "aws:lambda/function:Function", "aws:ecs/service:Service")


@stack_rule(
    "DOM-NET-011", "Machines have no route out but through the egress proxies",
    why="A worker host with a route to the internet, a NAT gateway or another network isn't held by the egress policy.",
    fix="put the machine into a subnet whose route table has no route but the VPC's own; only egress proxies have one",
    severity="critical", controls=("SOC2:CC6.6", "ISO27001:A.8.22", "NIST:SC-7(8)"), parameters=FLEETS,
)  # fmt: skip
def no_route_out(stack: Stack, asked: Asked) -> Iterator[Violation]:
    for machine in stack.of(*STANDING):
        if not excepted(stack, machine, asked):
            yield from each_of(machine, _ways_out(stack, machine))


def _ways_out(stack: Stack, machine: Resource) -> Iterator[Violation]:
    for subnet in subnets_of(stack, machine):
        for table in tables_of(stack, subnet):
            for route, hop, path in ways(stack, table):
                yield Violation(path, f"{machine.name} stands in {subnet.name}, whose table {table.name} has this way out: {hop}", route)


@stack_rule(
    "DOM-NET-012", "No machine stands beside an internet gateway",
    why="A proxy goes out by NAT: nothing on the internet can address it. In a subnet of an internet gateway only NAT gateways stand.",
    fix="move the machine to a subnet whose default route is a NAT gateway", severity="high", controls=BOUNDARY,
)  # fmt: skip
def not_beside_the_internet(stack: Stack, _: Asked) -> Iterator[Violation]:
    for machine in stack.of(*STANDING, "aws:lb/loadBalancer:LoadBalancer"):
        yield from each_of(machine, _beside(stack, machine))


def _beside(stack: Stack, machine: Resource) -> Iterator[Violation]:
    for subnet in [*subnets_of(stack, machine), *targets(stack, machine, "subnets", "aws:ec2/subnet:Subnet")]:
        for table in tables_of(stack, subnet):
            for route, hop, path in ways(stack, table):
                if hop == "gatewayId" and _to_the_internet(route, path):
                    yield Violation(path, f"{machine.name} stands in {subnet.name} beside an internet gateway", machine)


def _to_the_internet(route: Resource, path: str) -> bool:
    """Whether a `gatewayId` is an internet gateway's. Raises NotKnown where neither its value nor what it is made from tells."""
    try:
        return str(route.get(path)).startswith("igw-")
    except NotKnown:
        made_from = route.sources(path) or ()
        if any(each.is_a("aws:ec2/internetGateway:*") for each in made_from):
            return True
        if not made_from:
            raise
        return False


@rule(
    "DOM-NET-013", "Networks have no IPv6", "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/egressOnlyInternetGateway:*",
    "aws:ec2/vpcIpv6CidrBlockAssociation:*",
    why="IPv6 addresses are public, need no NAT to go out, and no rule of the perimeter speaks of them.",
    fix="leave IPv6 out: what needs it goes through the egress proxies", severity="high", controls=BOUNDARY,
)  # fmt: skip
def no_ipv6(network: Resource, _: Asked) -> Iterator[Violation]:
    if network.is_a("aws:ec2/egressOnly*", "aws:ec2/vpcIpv6*"):
        yield Violation("vpcId", "gives the VPC IPv6")
    for name in ("assignGeneratedIpv6CidrBlock", "ipv6CidrBlock", "ipv6IpamPoolId", "ipv6Native"):
        if network.get(name):
            yield Violation(name, "gives the network IPv6")


@rule(
    "DOM-NET-014", "Functions have no address on the internet", "aws:lambda/functionUrl:FunctionUrl",
    why="A function's URL answers the whole internet; what webhooks need is an API with one route and a throttle.",
    fix="set authorizationType to AWS_IAM, or use aws.apigatewayv2", severity="high", controls=BOUNDARY,
)  # fmt: skip
def no_open_function(url: Resource, _: Asked) -> Iterator[Violation]:
    if url.get("authorizationType") != "AWS_IAM":
        yield Violation("authorizationType", "only AWS_IAM is allowed")


@rule(
    "DOM-NET-015", "A public API has one named route each, and a throttle", "aws:apigatewayv2/route:Route", "aws:apigatewayv2/stage:Stage",
    why="A catch-all route hands everything to the function behind it, and without a throttle whoever calls decides what runs.",
    fix="name method and path (`POST /webhook`); set defaultRouteSettings.throttlingBurstLimit and throttlingRateLimit",
    severity="medium", controls=("SOC2:CC6.6", "ISO27001:A.8.6", "NIST:SC-5"),
)  # fmt: skip
def narrow_api(part: Resource, _: Asked) -> Iterator[Violation]:
    if part.is_a("aws:apigatewayv2/route:*"):
        key = part.get("routeKey", "$default")
        if key == "$default" or key.startswith("ANY ") or "{" in key:
            yield Violation("routeKey", "takes any method or path")
        return
    for name in ("throttlingBurstLimit", "throttlingRateLimit"):
        if not part.get(f"defaultRouteSettings.{name}"):
            yield Violation(f"defaultRouteSettings.{name}", "has no limit")


@rule(
    "DOM-NET-016", "Interfaces check whose traffic they carry", "aws:ec2/instance:Instance", "aws:ec2/networkInterface:NetworkInterface",
    why="Without the check a machine forwards others' packets: a router that no route table shows.",
    fix="leave sourceDestCheck on", severity="medium", controls=APART,
)  # fmt: skip
def source_checked(machine: Resource, _: Asked) -> Iterator[Violation]:
    if not yes(machine.get("sourceDestCheck", True)):
        yield Violation("sourceDestCheck", "only true is allowed")
