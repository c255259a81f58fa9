"""Amazon Route 53 Resolver: DNS firewall and query logs."""

from __future__ import annotations

from ..kinds import Distinct, Kind, Ref
from ..rules import AtLeastOne, AtMostOne, Length, Needs, OneOf, Pattern, Range, model
from .tokens import BUCKET, FIREWALL_DOMAINS, FIREWALL_GROUP, LOG_GROUP, QUERY_LOG, VPC
from .vocabulary import ARN, describes, reference, refusal

_RESOLVER = ARN + "route53resolver:{region}:{account}:"
_CREATE_RULE = "CreateFirewallRuleRequest"
_PRIORITY = reference("route53resolver", "AssociateFirewallRuleGroupRequest.Priority")


def _names(shape: str = "Name", least: int = 0) -> tuple[Length | Pattern, ...]:
    source = model("route53resolver", shape)
    return (Length("name", least, 64, source=source),
            Pattern("name", r"(?!^[0-9]+$)([a-zA-Z0-9\-_' ']+)", "letters, digits, spaces, - and _, and not digits alone", source=source))  # fmt: skip


def _resource(holds: bool = False) -> Ref:
    return Ref("resourceId", VPC, "vpc", holds=holds, part=not holds)


KINDS: dict[str, Kind] = {
    FIREWALL_DOMAINS: Kind(
        id="rslvr-fdl-{hex16}", arn=_RESOLVER + "firewall-domain-list/{id}", replaces=("name",), autoname_length=64, in_use="ConflictException",
        missing="ResourceNotFoundException",
        rules=(*_names(), Length("domains[*]", 1, 255, source=model("route53resolver", "FirewallDomainName")),
               Pattern("domains[*]", r"\*|(?:\*\.)?[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.?", "a domain of letters, digits and -, with at most one '*' as its first label",
                       source=reference("route53resolver", "UpdateFirewallDomainsRequest.Domains"))),
        actions=describes("route53resolver", "CreateFirewallDomainList UpdateFirewallDomains TagResource", "GetFirewallDomainList ListFirewallDomains ListTagsForResource",
                          "UpdateFirewallDomains ListFirewallDomains TagResource UntagResource", "DeleteFirewallDomainList UpdateFirewallDomains ListFirewallDomains"),
    ),
    FIREWALL_GROUP: Kind(
        id="rslvr-frg-{hex16}", arn=_RESOLVER + "firewall-rule-group/{id}", outputs={"ownerId": "{account}", "shareStatus": "NOT_SHARED"}, replaces=("name",),
        autoname_length=64, in_use="ConflictException", missing="ResourceNotFoundException", rules=_names(),
        actions=describes("route53resolver", "CreateFirewallRuleGroup TagResource", "GetFirewallRuleGroup ListTagsForResource", "TagResource UntagResource",
                          "DeleteFirewallRuleGroup"),
    ),
    "aws:route53/resolverFirewallRule:ResolverFirewallRule": Kind(
        id="{firewallRuleGroupId}:{number}", outputs={"firewallThreatProtectionId": ""}, autoname_length=64,
        replaces=("firewallRuleGroupId", "firewallDomainListId", "dnsThreatProtection", "qType"),
        refs=(Ref("firewallRuleGroupId", FIREWALL_GROUP, "group"), Ref("firewallDomainListId", FIREWALL_DOMAINS, "domains")),
        rules=(
            *_names(), OneOf("action", ("ALLOW", "BLOCK", "ALERT"), source=model("route53resolver", "Action")),
            OneOf("blockResponse", ("NODATA", "NXDOMAIN", "OVERRIDE"), source=model("route53resolver", "BlockResponse")),
            Needs("action", "blockResponse", ("BLOCK",), source=reference("route53resolver", f"{_CREATE_RULE}.BlockResponse")),
            Needs("blockResponse", "blockOverrideDomain", ("OVERRIDE",), source=reference("route53resolver", f"{_CREATE_RULE}.BlockOverrideDomain")),
            Needs("blockResponse", "blockOverrideDnsType", ("OVERRIDE",), source=reference("route53resolver", f"{_CREATE_RULE}.BlockOverrideDnsType")),
            Range("blockOverrideTtl", 0, 604800, source=model("route53resolver", "BlockOverrideTtl")),
            AtLeastOne(("firewallDomainListId", "dnsThreatProtection"), source=reference("route53resolver", "CreateFirewallRule")),
            AtMostOne(("firewallDomainListId", "dnsThreatProtection"), source=reference("route53resolver", "CreateFirewallRule")),
        ),
        world=(Distinct(("firewallRuleGroupId", "priority"), reference("route53resolver", f"{_CREATE_RULE}.Priority"), code="ConflictException"),),
        actions=describes("route53resolver", "CreateFirewallRule", "ListFirewallRules", "UpdateFirewallRule", "DeleteFirewallRule"),
    ),
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation": Kind(
        id="rslvr-frgassoc-{hex16}", arn=_RESOLVER + "firewall-rule-group-association/{id}", outputs={"mutationProtection": "DISABLED"},
        replaces=("firewallRuleGroupId", "vpcId"), autoname_length=64, guards={"mutationProtection": "ENABLED"}, guarded="ConflictException",
        refs=(Ref("firewallRuleGroupId", FIREWALL_GROUP, "group"), Ref("vpcId", VPC, "vpc", holds=True)),
        rules=(*_names(), Range("priority", 100, 9900, source=_PRIORITY),
               OneOf("mutationProtection", ("ENABLED", "DISABLED"), source=model("route53resolver", "MutationProtectionStatus"))),
        world=(Distinct(("vpcId", "priority"), _PRIORITY, code="ValidationException"), Distinct(("vpcId", "firewallRuleGroupId"), refusal("route53resolver", "AssociateFirewallRuleGroup"), code="ConflictException")),
        actions=describes("route53resolver", "AssociateFirewallRuleGroup TagResource ec2:DescribeVpcs", "GetFirewallRuleGroupAssociation ListTagsForResource",
                          "UpdateFirewallRuleGroupAssociation TagResource UntagResource", "DisassociateFirewallRuleGroup"),
    ),
    "aws:route53/resolverFirewallConfig:ResolverFirewallConfig": Kind(
        id="rslvr-fc-{hex16}", outputs={"ownerId": "{account}", "firewallFailOpen": "DISABLED"}, replaces=("resourceId",), refs=(_resource(),),
        rules=(OneOf("firewallFailOpen", ("ENABLED", "DISABLED", "USE_LOCAL_RESOURCE_SETTING"), source=model("route53resolver", "FirewallFailOpenStatus")),),
        world=(Distinct(("resourceId",), reference("route53resolver", "UpdateFirewallConfig")),),
        actions=describes("route53resolver", "UpdateFirewallConfig GetFirewallConfig ec2:DescribeVpcs", "GetFirewallConfig ListFirewallConfigs", "UpdateFirewallConfig",
                          "UpdateFirewallConfig"),
    ),
    QUERY_LOG: Kind(
        id="rqlc-{hex16}", arn=_RESOLVER + "resolver-query-log-config/{id}", outputs={"ownerId": "{account}", "shareStatus": "NOT_SHARED"},
        replaces=("name", "destinationArn"), autoname_length=64, in_use="InvalidRequestException", missing="ResourceNotFoundException",
        refs=(Ref("destinationArn", (LOG_GROUP, BUCKET), "destination", holds=False, outside=r"arn:[^:]+:firehose:.*|arn:[^:]+:s3:::[^/]+/.+"),),
        rules=(*_names("ResolverQueryLogConfigName", 1), Pattern("destinationArn", r"arn:[^:]+:(?:s3|logs|firehose):.+", "an ARN of S3, logs or Firehose",
                                                                 source=reference("route53resolver", "CreateResolverQueryLogConfigRequest.DestinationArn"))),
        actions=describes("route53resolver", "CreateResolverQueryLogConfig TagResource logs:CreateLogDelivery logs:PutResourcePolicy logs:DescribeResourcePolicies "
                          "logs:DescribeLogGroups", "GetResolverQueryLogConfig ListTagsForResource", "TagResource UntagResource", "DeleteResolverQueryLogConfig logs:DeleteLogDelivery"),
    ),
    "aws:route53/resolverQueryLogConfigAssociation:ResolverQueryLogConfigAssociation": Kind(
        id="rqlca-{hex16}", replaces=("resolverQueryLogConfigId", "resourceId"), refs=(Ref("resolverQueryLogConfigId", QUERY_LOG, "log"), _resource(holds=True)),
        world=(Distinct(("resolverQueryLogConfigId", "resourceId"), refusal("route53resolver", "AssociateResolverQueryLogConfig"), code="ResourceExistsException"),),
        actions=describes("route53resolver", "AssociateResolverQueryLogConfig ec2:DescribeVpcs", "GetResolverQueryLogConfigAssociation", "", "DisassociateResolverQueryLogConfig"),
    ),
    "aws:route53/resolverDnsSecConfig:ResolverDnsSecConfig": Kind(
        id="rdsc-{hex16}", arn=_RESOLVER + "resolver-dnssec-config/{id}", outputs={"ownerId": "{account}", "validationStatus": "ENABLED"}, replaces=("resourceId",),
        refs=(_resource(),), world=(Distinct(("resourceId",), reference("route53resolver", "ResolverDnssecConfig")),),
        actions=describes("route53resolver", "UpdateResolverDnssecConfig GetResolverDnssecConfig", "GetResolverDnssecConfig", "", "UpdateResolverDnssecConfig"),
    ),
}  # fmt: skip
