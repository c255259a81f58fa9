"""DOM-EGR-008: A DNS firewall blocks every name that isn't allowed."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def firewall(at, action):
    names = aws.route53.ResolverFirewallRuleGroup(at("names"))
    every = aws.route53.ResolverFirewallDomainList(at("every"), domains=["*"])
    answer = {"block_response": "NXDOMAIN"} if action == "BLOCK" else {}
    aws.route53.ResolverFirewallRule(
        at("rule"), action=action, priority=1, firewall_rule_group_id=names.id, firewall_domain_list_id=every.id, **answer
    )


def passing(at):
    firewall(at, "BLOCK")


def failing(at):
    firewall(at, "ALERT")


def unknown(at):
    firewall(at, at.unknown)
