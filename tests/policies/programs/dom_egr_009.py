"""DOM-EGR-009: Names are allowed one by one."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def allowed(at, name, of="whole"):
    listed = aws.route53.ResolverFirewallDomainList(at(f"{of}-listed"), domains=[name])
    aws.route53.ResolverFirewallRule(
        at(f"{of}-rule"), action="ALLOW", priority=1, firewall_rule_group_id="rslvr-1", firewall_domain_list_id=listed.id
    )


def passing(at):
    allowed(at, "api.anthropic.com")
    allowed(at, "*.argotunnel.com", "edges")  # Cloudflare's alone, and one of its names is such as no list takes


def failing(at):
    allowed(at, "*.example.com")


def unknown(at):
    allowed(at, at.unknown)
