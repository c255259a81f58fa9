"""Names: DNS as a way out, because a question carries data to whoever serves the zone.

- Every VPC has a resolver at its base address plus two and at 169.254.169.253; no security group, ACL or route closes it (VPC guide:
  Amazon DNS; security groups). `enableDnsSupport: false` turns it off.
- A DNS Firewall filters only a VPC that a rule group is associated with; groups go by the association's priority, rules by theirs,
  lowest first; the first whose list has the name decides; none has it: it is resolved (Route 53 guide: how DNS Firewall works).
- ALERT resolves (same guide, rule actions). A list's `*` has every name, `*.example.com` all below (same guide, domain lists).
- A rule with a query type is about questions of that type alone (same guide, rule settings).
- Failing closed is the default; fail open resolves whatever comes while the firewall is away (same guide, VPC configuration).
- A resolver rule that forwards sends questions to servers outside (Route 53 guide: forwarding outbound queries).

Allowed are the declared hosts, whole names below AWS's own domains, whole names that a balancer of this stack makes, and the zone of
Cloudflare's tunnel edges.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from domicile.residency import Source
from domicile_policies.reach.aws.routes import VPCS
from domicile_policies.reach.declared import Declared
from domicile_policies.reach.relations import Relations, listed, raw
from domicile_policies.resource import Resource, Stack, Unknown

SOURCE = Source("docs.aws.amazon.com: Amazon Route 53 Developer Guide, Route 53 Resolver DNS Firewall", "2025")
_KIND = "aws:route53/resolver"
GROUP = f"{_KIND}FirewallRuleGroup:ResolverFirewallRuleGroup"
LIST = f"{_KIND}FirewallDomainList:ResolverFirewallDomainList"
SERVED = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".argotunnel.com")
"""Zones that AWS serves; the last is Cloudflare's, where the hosts of an MCP tunnel look their edge up."""

EDGES = "*.argotunnel.com"
"""All of that zone, in which nobody but Cloudflare has a name: one that cloudflared asks for has underscores, which no list takes."""


@dataclass(frozen=True)
class Leak:
    """A question that leaves, and what lets it."""

    name: str
    because: str
    resource: Resource
    path: str = ""
    undecided: bool = False


@dataclass(frozen=True)
class _Rule:
    order: tuple[int, int]
    resource: Resource
    action: str
    domains: tuple[str, ...]
    lists: tuple[Resource, ...]
    unseen: bool
    whole: bool
    """Whether it is about questions of every type."""


class Names:
    """The resolver of one stack's VPCs."""

    def __init__(self, stack: Stack, relations: Relations, declared: Declared) -> None:
        self._stack, self._relations, self._declared = stack, relations, declared

    def leaks(self, vpc: Resource) -> Iterator[Leak]:
        """Every undeclared name, or pattern of names, that the VPC's resolver answers or asks for."""
        if raw(vpc.inputs, "enableDnsSupport") is False:
            return
        yield from self._forwarded(vpc)
        rules = sorted(self._rules(vpc), key=lambda rule: rule.order)
        if not rules:
            yield Leak("any name", "no DNS firewall is associated with the VPC", vpc)
            return
        for config in self._stack.of(f"{_KIND}FirewallConfig:ResolverFirewallConfig"):
            mode = config.inputs.get("firewallFailOpen", "DISABLED")
            if vpc in self._vpcs(config, "resourceId") and (isinstance(mode, Unknown) or mode not in ("DISABLED", False)):
                yield Leak("any name", "the DNS firewall fails open", config, "firewallFailOpen")
        yield from self._passed(rules)

    def resolved(self, vpc: Resource) -> list[tuple[str, Resource]]:
        """The names that are let through, each with its list: for the report."""
        rules = sorted(self._rules(vpc), key=lambda rule: rule.order)
        return [(name, each) for rule in rules if rule.action != "BLOCK" for each in rule.lists for name in rule.domains]

    def _passed(self, rules: list[_Rule]) -> Iterator[Leak]:
        for rule in rules:
            if rule.action == "BLOCK":
                if "*" in rule.domains and rule.whole:
                    return
                continue
            if rule.unseen:
                yield Leak(
                    "names that aren't known", "a list of names can't be read", rule.resource, "firewallDomainListId", undecided=True
                )
            for name in rule.domains:
                if not self._is_allowed(name):
                    at = rule.lists[0] if rule.lists else rule.resource
                    yield Leak(f"names like {name}" if "*" in name else name, f"{rule.action} by rule {rule.resource.name}", at, "domains")
        yield Leak("any name that no rule has", "no rule blocks `*`", rules[-1].resource, "action")

    def _is_allowed(self, name: str) -> bool:
        name = name.lower().rstrip(".")
        if self._declared.allows_name(name):
            return True
        return name == EDGES or ("*" not in name and name.endswith(SERVED))

    def _rules(self, vpc: Resource) -> Iterator[_Rule]:
        for tie in self._stack.of(f"{_KIND}FirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"):
            if vpc not in self._vpcs(tie, "vpcId"):
                continue
            groups = self._relations.named(tie, "firewallRuleGroupId", GROUP).resources
            for rule in self._stack.of(f"{_KIND}FirewallRule:ResolverFirewallRule"):
                if set(self._relations.named(rule, "firewallRuleGroupId", GROUP).resources) & set(groups):
                    yield self._read(tie, rule)

    def _read(self, tie: Resource, rule: Resource) -> _Rule:
        found = self._relations.named(rule, "firewallDomainListId", LIST)
        texts = [each for resource in found.resources for each in listed(resource.inputs.get("domains"))]
        action = rule.inputs.get("action")
        names = tuple(str(each) for each in texts if isinstance(each, str))
        return _Rule(
            (_number(tie.inputs.get("priority")), _number(rule.inputs.get("priority"))), rule,
            action if isinstance(action, str) else "ALLOW", names, found.resources,
            unseen=not found.whole or len(names) < len(texts) or not found.resources,
            whole=rule.inputs.get("qType") is None,
        )  # fmt: skip

    def _forwarded(self, vpc: Resource) -> Iterator[Leak]:
        for tie in self._stack.of("aws:route53/resolverRuleAssociation:ResolverRuleAssociation"):
            if vpc not in self._vpcs(tie, "vpcId"):
                continue
            rule = self._relations.one(tie, "resolverRuleId", "aws:route53/resolverRule:ResolverRule")
            if rule is None or rule.inputs.get("ruleType") != "SYSTEM":
                name = str(rule.inputs.get("domainName")) if rule and isinstance(rule.inputs.get("domainName"), str) else "some names"
                yield Leak(f"names below {name}", "questions are forwarded to servers outside the VPC", tie, "resolverRuleId")

    def _vpcs(self, resource: Resource, path: str) -> tuple[Resource, ...]:
        return self._relations.named(resource, path, *VPCS).resources


def _number(value: Any) -> int:
    """What isn't known goes first."""
    return value if isinstance(value, int) else -1
