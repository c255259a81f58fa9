"""What is made for a thing that the stack doesn't hold, by its id, or for one that nobody can name: it may be the worker hosts'.

A rule, a route or an association that bears the id of the workers' own group or table as plain text leans on nothing, and a preview knows
no ids: it would be overlooked. So each is a finding until somebody answers for that id.
"""

from __future__ import annotations

from domicile_policies.reach.aws.machines import BALANCERS, Machines
from domicile_policies.reach.aws.network_acls import ACL, SUBNETS
from domicile_policies.reach.aws.network_acls import DEFAULT as DEFAULT_ACL
from domicile_policies.reach.aws.routes import ENDPOINT, TABLES, VPCS
from domicile_policies.reach.aws.security_groups import GROUPS
from domicile_policies.reach.declared import Declared
from domicile_policies.reach.proof import Proof, hop
from domicile_policies.reach.relations import Named, Relations
from domicile_policies.resource import Resource, Stack

_OWNERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("aws:ec2/securityGroupRule:*", "securityGroupId", GROUPS),
    ("aws:vpc/securityGroup*Rule:*", "securityGroupId", GROUPS),
    ("aws:ec2/route:Route", "routeTableId", TABLES),
    ("aws:ec2/routeTableAssociation:*", "subnetId", SUBNETS),
    ("aws:ec2/vpnGatewayRoutePropagation:*", "routeTableId", TABLES),
    ("aws:ec2/networkAclRule:*", "networkAclId", (ACL, DEFAULT_ACL)),
    ("aws:ec2/networkAclAssociation:*", "subnetId", SUBNETS),
    ("aws:ec2/vpcEndpointPolicy:*", "vpcEndpointId", (ENDPOINT,)),
    ("aws:lb/listener:Listener", "loadBalancerArn", BALANCERS),
    ("aws:route53/resolverFirewallRuleGroupAssociation:*", "vpcId", VPCS),
    ("aws:route53/resolverFirewallConfig:*", "resourceId", VPCS),
    ("aws:route53/resolverRuleAssociation:*", "vpcId", VPCS),
)


def adrift(stack: Stack, relations: Relations, declared: Declared, proof: Proof) -> None:
    """Findings for what is made for something outside the stack; assumptions where somebody answers for it."""
    for pattern, path, types in _OWNERS:
        for resource in stack.of(pattern):
            for identity in _left(relations.named(resource, path, *types)):
                because = "it is made for something that the stack doesn't hold, and that may be the worker hosts'"
                if reason := declared.answered(identity):
                    proof.assume(f"{identity} is none of the worker hosts' ({resource.name})", f"parameter `unseen`: {reason}")
                else:
                    proof.find("undecided", because, (hop(resource, f"{path}: {identity}"),), identity, resource, path)


def unlaunched(groups: list[Resource], machines: Machines, proof: Proof) -> None:
    """Scaling groups whose machines' template can't be seen."""
    for group in groups:
        named = machines.templates(group)
        for identity in _left(named) or ([] if named.resources else ["no launch template"]):
            because = "what these machines are launched with isn't in the stack: neither their interfaces nor their inside can be seen"
            proof.find("undecided", because, (hop(group, identity),), "wherever they reach", group, "launchTemplate")


def _left(named: Named) -> list[str]:
    return [*named.foreign, *(("unknown",) if named.unseen else ())]
