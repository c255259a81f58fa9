"""DOM-EGR-006: A DNS firewall stands over each VPC."""

from __future__ import annotations

import pulumi_aws as aws
from parts import vpc

UNKNOWN = "undecided"


def passing(at):
    names = aws.route53.ResolverFirewallRuleGroup(at("names"))
    aws.route53.ResolverFirewallRuleGroupAssociation(at("over"), firewall_rule_group_id=names.id, vpc_id=vpc(at).id, priority=101)


def failing(at):
    vpc(at)


def unknown(at):
    vpc(at)
    aws.route53.ResolverFirewallRuleGroupAssociation(at("over"), firewall_rule_group_id="rslvr-1", vpc_id=at.unknown, priority=101)
