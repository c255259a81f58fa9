"""DOM-EGR-007: A DNS firewall fails closed."""

from __future__ import annotations

import pulumi_aws as aws
from parts import vpc

UNKNOWN = "undecided"


def passing(at):
    aws.route53.ResolverFirewallConfig(at("closed"), resource_id=vpc(at).id, firewall_fail_open="DISABLED")


def failing(at):
    aws.route53.ResolverFirewallConfig(at("closed"), resource_id=vpc(at).id, firewall_fail_open="ENABLED")


def unknown(at):
    aws.route53.ResolverFirewallConfig(at("closed"), resource_id=vpc(at).id, firewall_fail_open=at.unknown)
