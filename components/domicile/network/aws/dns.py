"""The DNS firewall: names that the stack's machines need resolve, no other does, so that no query carries data out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import pulumi
import pulumi_aws as aws

from domicile.aws.ground import Ground
from domicile.config.residency import ENDPOINTS, SESSION_MANAGER

TUNNEL_EDGES = "*.argotunnel.com"
"""What cloudflared looks up: `_v2-origintunneld._tcp` and `region1.v2`, `region2.v2` below this (developers.cloudflare.com: tunnel with
firewall, 2025-02-27). The first can't be named by itself: a firewall's list takes no underscore (Route 53 Resolver API:
UpdateFirewallDomains). Nobody but Cloudflare has names there."""

_HOSTS = {"ecr.api": "api.ecr"}
"""Endpoints whose host isn't the service's name."""


def names(ground: Ground) -> tuple[str, ...]:
    """AWS's endpoints as the machines call them, the control plane, the sinks, and what the egress policy allows."""
    return tuple(sorted({*_endpoint_names(ground), *_outside_names(ground)}))


def _endpoint_names(ground: Ground) -> Iterator[str]:
    region = ground.names.region
    for service in (*ENDPOINTS, *(SESSION_MANAGER if ground.aws.network.session_manager else ())):
        if service not in ("s3", "ecr.dkr"):
            yield f"{_HOSTS.get(service, service)}.{region}.amazonaws.com"
    yield f"{ground.names.account}.dkr.ecr.{region}.amazonaws.com"
    for bucket in (ground.names.bucket("archive"), ground.names.bucket("settings"), f"prod-{region}-starport-layer-bucket"):
        yield f"{bucket}.s3.{region}.amazonaws.com"


def _outside_names(ground: Ground) -> Iterator[str]:
    config = ground.config
    for url in (config.control_plane.url, *(sink.url for sink in config.audit.sinks)):
        yield urlsplit(url).hostname or ""
    for served in config.served.values():
        yield from (rule.host for rule in served.egress.rules)
    if ground.aws.tunnel:
        yield TUNNEL_EDGES
        yield from (server.host for server in ground.aws.tunnel.servers)


def build_firewall(ground: Ground, vpc: pulumi.Input[str], balancers: Sequence[pulumi.Input[str]], opts: pulumi.ResourceOptions) -> None:
    """Allows the list, blocks the rest, and fails closed: no answer when the firewall itself can't answer."""
    prefix = ground.names.prefix
    needed = pulumi.Output.all(*balancers).apply(lambda found: [*names(ground), *found])
    allowed = aws.route53.ResolverFirewallDomainList("allowed", name=f"{prefix}-allowed", domains=needed, opts=opts)
    anything = aws.route53.ResolverFirewallDomainList("anything", name=f"{prefix}-anything", domains=["*"], opts=opts)
    group = aws.route53.ResolverFirewallRuleGroup("names", name=prefix, opts=opts)
    aws.route53.ResolverFirewallRule(
        "allow",
        name="allow-needed",
        action="ALLOW",
        priority=100,
        firewall_rule_group_id=group.id,
        firewall_domain_list_id=allowed.id,
        firewall_domain_redirection_action="TRUST_REDIRECTION_DOMAIN",  # S3 and load balancers answer with names of AWS's own
        opts=opts,
    )
    aws.route53.ResolverFirewallRule(
        "block",
        name="block-others",
        action="BLOCK",
        block_response="NXDOMAIN",
        priority=200,
        firewall_rule_group_id=group.id,
        firewall_domain_list_id=anything.id,
        opts=opts,
    )
    aws.route53.ResolverFirewallRuleGroupAssociation(
        "names", name=prefix, firewall_rule_group_id=group.id, vpc_id=vpc, priority=101, opts=opts
    )
    aws.route53.ResolverFirewallConfig("closed", resource_id=vpc, firewall_fail_open="DISABLED", opts=opts)
