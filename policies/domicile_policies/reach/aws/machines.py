"""What has an interface in a VPC: machines, functions, endpoints, balancers.

- A group launches what its launch template says into its own subnets (EC2 Auto Scaling guide: launch templates; network interfaces).
- An interface that names no group has the VPC's default one; one that doesn't say gets a public address if its subnet gives such
  (EC2 guide: public IPv4 addresses). A network load balancer may have no group: then it refuses nobody (ELB guide: security groups).
- A function without a VPC reaches the internet (Lambda guide: networking); one in a VPC goes by its interfaces there.
- Metadata answers over as many hops as the limit says: at two, a container has the machine's role (EC2 guide: IMDS options).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domicile.residency import Source
from domicile_policies.reach.aws.network_acls import SUBNETS
from domicile_policies.reach.aws.routes import ENDPOINT, VPCS
from domicile_policies.reach.aws.security_groups import DEFAULT, GROUPS
from domicile_policies.reach.relations import Named, Relations, is_true, listed, raw
from domicile_policies.reach.traffic import Network, network
from domicile_policies.resource import Resource, Stack, Unknown

SOURCE = Source("docs.aws.amazon.com: Amazon EC2 User Guide, Amazon EC2 Auto Scaling User Guide, Elastic Load Balancing guide", "2025")
TEMPLATE, INSTANCE = "aws:ec2/launchTemplate:LaunchTemplate", "aws:ec2/instance:Instance"
SCALING_GROUP, FUNCTION = "aws:autoscaling/group:Group", "aws:lambda/function:Function"
BALANCERS = ("aws:lb/loadBalancer:LoadBalancer", "aws:alb/loadBalancer:LoadBalancer")
TARGET_GROUPS = ("aws:lb/targetGroup:TargetGroup", "aws:alb/targetGroup:TargetGroup")


@dataclass(frozen=True, eq=False)
class Interface:
    """Alike interfaces of one thing. `at` says how it is made (template, instance, function, endpoint, balancer), `path` where in it."""

    at: Resource
    path: str
    owner: Resource
    """The scaling group of machines; else `at`."""
    subnets: Named
    groups: Named
    public: bool = False
    filtered: bool = True
    """Whether it has groups at all."""

    @property
    def addresses(self) -> list[Network]:
        """Its subnets' networks, as far as they are known."""
        texts = (raw(subnet.inputs, name) for subnet in self.subnets.resources for name in ("cidrBlock", "ipv6CidrBlock"))
        return [each for each in map(network, texts) if each]


class Machines:
    """Every interface of a stack."""

    def __init__(self, stack: Stack, relations: Relations) -> None:
        self._stack, self._relations = stack, relations
        self._default = stack.of(DEFAULT)
        self.interfaces: list[Interface] = [
            *self._scaled(), *self._instances(), *self._functions(), *self._endpoints(), *self._balancers(), *self._tied(),
        ]  # fmt: skip

    def of(self, *resources: Resource) -> list[Interface]:
        """Those of these machines, by what makes or owns them."""
        return [each for each in self.interfaces if each.at in resources or each.owner in resources]

    def templates(self, group: Resource) -> Named:
        """The launch templates that a scaling group may use, overrides too."""
        paths = (
            "launchTemplate.id", "launchTemplate.name", "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateId",
            "mixedInstancesPolicy.launchTemplate.launchTemplateSpecification.launchTemplateName",
        )  # fmt: skip
        overrides = listed(raw(group.inputs, "mixedInstancesPolicy.launchTemplate.overrides"))
        below = (f"mixedInstancesPolicy.launchTemplate.overrides[{n}].launchTemplateSpecification" for n in range(len(overrides)))
        found = [self._relations.named(group, path, TEMPLATE) for path in (*paths, *(f"{each}.launchTemplateId" for each in below))]
        resources = tuple(dict.fromkeys(each for named in found for each in named.resources))
        return Named(resources, tuple(each for named in found for each in named.foreign), any(named.unseen for named in found))

    def _scaled(self) -> Iterator[Interface]:
        for group in self._stack.of(SCALING_GROUP):
            subnets = self._relations.named(group, "vpcZoneIdentifiers", *SUBNETS)
            for template in self.templates(group).resources:
                yield from self._launched(template, group, subnets)

    def _instances(self) -> Iterator[Interface]:
        for instance in self._stack.of(INSTANCE):
            subnets = self._relations.named(instance, "subnetId", *SUBNETS)
            for template in self._relations.named(instance, "launchTemplate.id", TEMPLATE).resources:
                yield from self._launched(template, instance, subnets)
            if "launchTemplate" not in instance.inputs or "vpcSecurityGroupIds" in instance.inputs:
                groups = self._groups(instance, "vpcSecurityGroupIds")
                public = self._is_public(instance.inputs.get("associatePublicIpAddress"), subnets)
                yield Interface(instance, "vpcSecurityGroupIds", instance, subnets, groups, public)

    def _launched(self, template: Resource, owner: Resource, subnets: Named) -> Iterator[Interface]:
        told = listed(template.inputs.get("networkInterfaces"))
        if not told:
            groups = self._groups(template, "vpcSecurityGroupIds")
            yield Interface(template, "vpcSecurityGroupIds", owner, subnets, groups, self._is_public(None, subnets))
        for n, each in enumerate(told):
            path = f"networkInterfaces[{n}]"
            mapping: Mapping[str, Any] = {} if isinstance(each, Unknown) else each
            own = self._relations.named(template, f"{path}.subnetId", *SUBNETS) if "subnetId" in mapping else subnets
            public = isinstance(each, Unknown) or self._is_public(mapping.get("associatePublicIpAddress"), own)
            yield Interface(template, path, owner, own, self._groups(template, f"{path}.securityGroups"), public)

    def _functions(self) -> Iterator[Interface]:
        for function in self._stack.of(FUNCTION):
            if function.inputs.get("vpcConfig") is not None:
                subnets = self._relations.named(function, "vpcConfig.subnetIds", *SUBNETS)
                yield Interface(function, "vpcConfig", function, subnets, self._groups(function, "vpcConfig.securityGroupIds"))

    def _endpoints(self) -> Iterator[Interface]:
        for endpoint in self._stack.of(ENDPOINT):
            if endpoint.inputs.get("vpcEndpointType", "Gateway") != "Gateway":
                subnets = self._relations.named(endpoint, "subnetIds", *SUBNETS)
                yield Interface(endpoint, "securityGroupIds", endpoint, subnets, self._groups(endpoint, "securityGroupIds"))

    def _balancers(self) -> Iterator[Interface]:
        for balancer in self._stack.of(*BALANCERS):
            subnets = self._relations.named(balancer, "subnets", *SUBNETS)
            filtered = balancer.inputs.get("loadBalancerType") != "network" or bool(listed(balancer.inputs.get("securityGroups")))
            groups = self._groups(balancer, "securityGroups") if filtered else Named()
            public = raw(balancer.inputs, "internal") is not True
            yield Interface(balancer, "securityGroups", balancer, subnets, groups, public, filtered)

    def _tied(self) -> Iterator[Interface]:
        """Interfaces that are resources of their own."""
        for interface in self._stack.of("aws:ec2/networkInterface:NetworkInterface"):
            owners = self._relations.named(interface, "attachments[0].instance", INSTANCE).resources
            subnets = self._relations.named(interface, "subnetId", *SUBNETS)
            owner = owners[0] if owners else interface
            yield Interface(
                interface, "securityGroups", owner, subnets, self._groups(interface, "securityGroups"), bool(self._eip(interface))
            )

    def _eip(self, interface: Resource) -> list[Resource]:
        eips = self._stack.of("aws:ec2/eip:Eip", "aws:ec2/eipAssociation:EipAssociation")
        here = ("networkInterface", "networkInterfaceId")
        kind = "aws:ec2/networkInterface:NetworkInterface"
        return [e for e in eips if any(interface in self._relations.named(e, path, kind).resources for path in here)]

    def _groups(self, resource: Resource, path: str) -> Named:
        """The groups that are named; else the default one, or where the stack doesn't hold that one: nobody knows."""
        value = raw(resource.inputs, path)
        if value is not None and not (isinstance(value, list) and not value):
            found = self._relations.named(resource, path, *GROUPS)
            if found.unseen and self._default and any(each.is_a(*VPCS) for each in resource.sources(path) or ()):
                return Named((*found.resources, *self._default), found.foreign)
            return found
        return Named(tuple(self._default), unseen=not self._default)

    def _is_public(self, told: Any, subnets: Named) -> bool:
        if told is not None:
            return is_true(told)
        return any(is_true(raw(subnet.inputs, "mapPublicIpOnLaunch") or False) for subnet in subnets.resources)


def hop_limit(template: Resource) -> tuple[int | None, bool]:
    """Over how many hops metadata answers (None: not said), and whether it answers at all."""
    options = raw(template.inputs, "metadataOptions")
    if isinstance(options, Unknown) or not isinstance(options, Mapping):
        return None, True
    limit = options.get("httpPutResponseHopLimit")
    answers = options.get("httpEndpoint", "enabled") != "disabled"
    if options.get("httpTokens") != "required":
        return None, answers
    return (limit if isinstance(limit, int) else None), answers
