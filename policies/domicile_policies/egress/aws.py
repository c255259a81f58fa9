"""What can leave: AWS's security groups, endpoints and names. The egress proxies are the only way out, and an open endpoint is one too."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from domicile_policies.iam import Document, Statement, documents, everything
from domicile_policies.network.aws import FLEETS, MACHINES, PROXIES, STANDING, excepted
from domicile_policies.reach.aws.names import EDGES
from domicile_policies.relations import below_type, each_of, pointing_at, targets
from domicile_policies.resource import NotKnown, Resource, Stack, Unknown
from domicile_policies.rule import Asked, Violation, rule, stack_rule
from domicile_policies.security_groups import GROUPS, TYPES, openings
from domicile_policies.without_resource import takes_any_resource

OUTWARD = ("SOC2:CC6.7", "ISO27001:A.8.12", "NIST:SC-7(5)")
NAMES = ("SOC2:CC6.7", "ISO27001:A.8.23", "NIST:SC-7(5)")
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
LAYERS = "arn:aws:s3:::prod-*-starport-layer-bucket/*"
"""ECR's own bucket of image layers, whose requests no principal of the account signs (ECR User Guide: VPC endpoints, minimum S3
permissions)."""


@rule(
    "DOM-EGR-001", "What may leave is one port a rule", *TYPES,
    why="A rule over all protocols or ports is a way out for anything, past what the proxies judge.",
    fix="name the protocol and the port; a range wider than the parameter `ports` needs a rule for each", severity="critical",
    controls=OUTWARD,
    parameters={"ports": {"type": "integer", "minimum": 1, "default": 16, "description": "the widest range of ports of one rule"}},
)  # fmt: skip
def narrow_egress(group: Resource, asked: Asked) -> Iterator[Violation]:
    for opening in openings(group, "egress"):
        if opening.wide(int(asked.parameters.get("ports", 16))):
            yield Violation(opening.path or "ipProtocol", "opens all protocols or a wide range of ports")


@stack_rule(
    "DOM-EGR-002", "Only egress proxies dial public addresses",
    why="A worker host or a function whose security group reaches the internet isn't held by the egress policy.",
    fix="take the public network out of the rule: let the group reach the egress balancer instead", severity="critical",
    controls=("SOC2:CC6.6", "ISO27001:A.8.20", "NIST:SC-7(8)"), parameters=FLEETS,
)  # fmt: skip
def proxies_only(stack: Stack, asked: Asked) -> Iterator[Violation]:
    for maker in stack.of(*TYPES):
        yield from each_of(maker, _dials(stack, maker, asked))


def _dials(stack: Stack, maker: Resource, asked: Asked) -> Iterator[Violation]:
    public = [opening for opening in openings(maker, "egress") if opening.public]
    if not public:
        return
    groups = [maker] if maker.is_a(*GROUPS) else targets(stack, maker, "securityGroupId", *GROUPS)
    users = [user for group in groups for user in _users(stack, group)]
    own = below_type(stack, maker, "domicile:aws:EgressTier", *PROXIES) or any(
        fnmatchcase(maker.name, pattern) for pattern in asked.parameters.get("name_patterns", ())
    )
    wrong = [user.name for user in users if not excepted(stack, user, asked)]
    if wrong or not own:
        who = f"which {', '.join(sorted(set(wrong)))} has" if wrong else "which belongs to no egress tier"
        for opening in public:
            yield Violation(opening.path or "cidrIpv4", f"lets out to {', '.join(opening.public)}, {who}", maker)


def _users(stack: Stack, group: Resource) -> list[Resource]:
    """The machines that bear a security group."""
    props = ("networkInterfaces", "vpcSecurityGroupIds", "securityGroups", "vpcConfig", "networkConfiguration")
    return [user for prop in props for user in pointing_at(stack, group, prop, *MACHINES, *STANDING, "aws:ec2/networkInterface:*")]


@rule(
    "DOM-EGR-003", "What passes an endpoint is said, and by whom", ENDPOINT, "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy",
    why="An endpoint without a policy carries anybody's data to anybody's bucket: a way out that no proxy sees (PrivateLink guide).",
    fix="give it a policy whose statements name this account's principals by a condition (aws:PrincipalArn, aws:PrincipalAccount)",
    severity="critical", controls=OUTWARD,
)  # fmt: skip
def closed_endpoint(endpoint: Resource, _: Asked) -> Iterator[Violation]:
    for document in _endpoint_policies(endpoint):
        for statement in document.statements:
            if statement.allows and statement.for_anyone and not statement.bound and not _layers_only(statement):
                yield Violation(statement.path, "lets anybody through")


def _endpoint_policies(endpoint: Resource) -> list[Document]:
    """Its own; AWS's default, which is open, where none is given. One given beside it is judged for itself."""
    return list(documents(endpoint, "endpoint")) or [Document("endpoint", "policy", (everything("policy"),))]


def _layers_only(statement: Statement) -> bool:
    told = statement.resources and all(fnmatchcase(str(each), LAYERS) for each in statement.resources)
    return bool(told) and set(statement.actions) == {"s3:GetObject"}


@rule(
    "DOM-EGR-004", "What passes an endpoint is named whole", ENDPOINT, "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy",
    why="`s3:*`, or `*` for a bucket, carries this account's roles' requests to things of other accounts too.",
    fix="name actions without wildcards, and resources by ARN; `*` only for actions that have no resource", severity="critical",
    controls=("SOC2:CC6.7", "ISO27001:A.8.12", "NIST:AC-6"),
)  # fmt: skip
def named_in_endpoint(endpoint: Resource, _: Asked) -> Iterator[Violation]:
    for document in _endpoint_policies(endpoint):
        for statement in document.statements:
            if statement.allows:
                yield from wide(statement)


def wide(statement: Statement) -> Iterator[Violation]:
    """Where an allowing statement takes in more than it names."""
    for name in ("not_actions", "not_resources"):
        if getattr(statement, name):
            yield Violation(statement.path, f"allows all but what {'NotAction' if name == 'not_actions' else 'NotResource'} names")
    for action in statement.actions:
        if "*" in str(action):
            yield Violation(f"{statement.path}.Action", f"{action}: name each action")
    if any(set(str(each)) <= {"*", "?"} or _whole_service(str(each)) for each in statement.resources):
        needing = [str(each) for each in statement.actions if not takes_any_resource(str(each))]
        if needing:
            yield Violation(f"{statement.path}.Resource", f"any resource, for {', '.join(needing)}: name them")


def _whole_service(arn: str) -> bool:
    """`arn:aws:s3:::*`, and what names no account: everybody's things."""
    parts = arn.split(":", 5)
    return len(parts) == 6 and not parts[5].strip("*/?")


@rule(
    "DOM-EGR-005", "Interface endpoints stand behind a group and take the service's own name", ENDPOINT,
    why="Without a group of its own an endpoint has the VPC's default; without private names machines look for the service outside.",
    fix="set securityGroupIds and privateDnsEnabled", severity="medium", controls=("SOC2:CC6.6", "ISO27001:A.8.21", "NIST:SC-7"),
)  # fmt: skip
def guarded_endpoint(endpoint: Resource, _: Asked) -> Iterator[Violation]:
    if endpoint.get("vpcEndpointType", "Gateway") != "Interface":
        return
    if not endpoint.inputs.get("securityGroupIds"):
        yield Violation("securityGroupIds", "no group says who may connect")
    if not endpoint.get("privateDnsEnabled"):
        yield Violation("privateDnsEnabled", "only true is allowed")


# --- names: a query carries data out as well -------------------------------------------------------------------------


@stack_rule(
    "DOM-EGR-006", "A DNS firewall stands over each VPC",
    why="AWS's resolver answers every machine, whatever its security group: a name can carry data out (Route 53 guide: DNS Firewall).",
    fix="associate a rule group with the VPC (aws.route53.ResolverFirewallRuleGroupAssociation)", severity="critical", controls=NAMES,
)  # fmt: skip
def firewalled(stack: Stack, _: Asked) -> Iterator[Violation]:
    for vpc in stack.of("aws:ec2/vpc:Vpc"):
        if not pointing_at(stack, vpc, "vpcId", "aws:route53/resolverFirewallRuleGroupAssociation:*"):
            yield Violation("", "any name resolves here", vpc)


@stack_rule(
    "DOM-EGR-007", "A DNS firewall fails closed",
    why="One that fails open answers everything while it can't judge: the moment that an attacker waits for.",
    fix="add aws.route53.ResolverFirewallConfig for the VPC with firewallFailOpen DISABLED", severity="high", controls=NAMES,
)  # fmt: skip
def fails_closed(stack: Stack, _: Asked) -> Iterator[Violation]:
    for vpc in stack.of("aws:ec2/vpc:Vpc"):
        configs = pointing_at(stack, vpc, "resourceId", "aws:route53/resolverFirewallConfig:*")
        if not configs:
            yield Violation("", "has no configuration of its firewall: DISABLED isn't said", vpc)
        for config in configs:
            yield from each_of(config, _closed(config))


def _closed(config: Resource) -> Iterator[Violation]:
    if config.get("firewallFailOpen") != "DISABLED":
        yield Violation("firewallFailOpen", "only DISABLED is allowed", config)


RULE = "aws:route53/resolverFirewallRule:ResolverFirewallRule"
LIST = "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList"


@stack_rule(
    "DOM-EGR-008", "A DNS firewall blocks every name that isn't allowed",
    why="A firewall that only blocks a list, or alerts, lets every other name through.",
    fix="end each rule group with a rule BLOCK over a domain list of `*`, after those that allow", severity="critical", controls=NAMES,
)  # fmt: skip
def blocks_the_rest(stack: Stack, _: Asked) -> Iterator[Violation]:
    for group in stack.of("aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup"):
        yield from each_of(group, _ends_in_block(stack, group))


def _ends_in_block(stack: Stack, group: Resource) -> Iterator[Violation]:
    """Any order will do: what is allowed is allowed by whole names (`DOM-EGR-009`)."""
    blocks = [each for each in pointing_at(stack, group, "firewallRuleGroupId", RULE) if each.get("action") == "BLOCK"]
    lists = [found for each in blocks for found in targets(stack, each, "firewallDomainListId", LIST)]
    if not any(found.get("domains", []) == ["*"] for found in lists):
        yield Violation("", "no rule blocks every other name", group)


@stack_rule(
    "DOM-EGR-009", "Names are allowed one by one",
    why="A wildcard in an allowed name lets data out in the labels before it: `secret.example.com` asks whoever runs the zone.",
    fix="list whole names", severity="high", controls=NAMES,
)  # fmt: skip
def whole_names(stack: Stack, _: Asked) -> Iterator[Violation]:
    for each in stack.of(RULE):
        yield from each_of(each, _allows_whole(stack, each))


def _allows_whole(stack: Stack, each: Resource) -> Iterator[Violation]:
    if each.get("action") == "BLOCK":
        return
    if each.get("action") != "ALLOW":
        yield Violation("action", "only ALLOW and BLOCK are allowed: an alert lets the query out", each)
    lists = targets(stack, each, "firewallDomainListId", LIST)
    if not lists and each.get("firewallDomainListId"):
        yield Violation("firewallDomainListId", "is a list of another place: whose names nobody here sees", each)
    for found in lists:
        for path, name in found.items("domains"):
            if isinstance(name, Unknown) and not any(source.is_a("aws:lb/*") for source in found.sources("domains") or ()):
                raise NotKnown(path)  # a balancer's name is whole
            if isinstance(name, str) and "*" in name and name != EDGES:
                yield Violation(path, f"allows all names under {name}", found)


@rule(
    "DOM-EGR-010", "Functions run in the VPC", "aws:lambda/function:Function",
    why="A function outside the VPC goes out through AWS's own network, which no rule of yours governs.",
    fix="set vpcConfig with subnets that have no route out, and a security group of its own", severity="high", controls=OUTWARD,
)  # fmt: skip
def functions_in_vpc(function: Resource, _: Asked) -> Iterator[Violation]:
    config = function.inputs.get("vpcConfig")
    for name in ("subnetIds", "securityGroupIds"):
        if not isinstance(config, dict) or not config.get(name):
            yield Violation(f"vpcConfig.{name}", "is empty")
