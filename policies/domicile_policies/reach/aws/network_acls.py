"""Network ACLs: what passes the edge of a subnet.

- Stateless: an answer needs a rule of its own; it goes to a port of the asker between 1024 and 65535 (VPC guide: network ACLs,
  ephemeral ports). UDP and ICMP carry data without any answer.
- Rules are tried by number, lowest first; the first that fits decides; none fits: refused (same guide, rules).
- A subnet without an ACL of its own has the VPC's default one, which allows everything until it is changed; an ACL that is made has
  no rule that allows (same guide, default and custom network ACLs). `DefaultNetworkAcl` takes away all rules that it doesn't name.
- Traffic within a subnet, and to link-local addresses, passes no ACL (same guide).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domicile.residency import Source
from domicile_policies.reach.relations import Relations, is_true, listed
from domicile_policies.reach.traffic import EVERYWHERE, Network, Ports, network, overlap, ports, within
from domicile_policies.resource import Resource, Stack, Unknown

SOURCE = Source("docs.aws.amazon.com: Amazon VPC User Guide, network ACLs", "2025")
ACL = "aws:ec2/networkAcl:NetworkAcl"
DEFAULT = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
SUBNETS = ("aws:ec2/subnet:Subnet", "aws:ec2/defaultSubnet:DefaultSubnet")
_EPHEMERAL = (1024, 65535)


@dataclass(frozen=True)
class _Rule:
    number: int
    allows: bool
    egress: bool
    network: Network
    ports: Ports


class NetworkAcls:
    """The ACLs of a stack, by subnet. A subnet that no ACL names is under its VPC's default one."""

    def __init__(self, stack: Stack, relations: Relations) -> None:
        self._rules: dict[int, list[_Rule]] = defaultdict(list)
        self._of: dict[int, Resource] = {}
        default = stack.of(DEFAULT)
        for acl in stack.of(ACL, DEFAULT):
            self._inline(acl)
            for subnet in relations.named(acl, "subnetIds", *SUBNETS).resources:
                self._of[id(subnet)] = acl
        for rule in stack.of("aws:ec2/networkAclRule:NetworkAclRule"):
            for acl in relations.named(rule, "networkAclId", ACL, DEFAULT).resources:
                self._rules[id(acl)].extend(_read(rule.inputs, is_true(rule.inputs.get("egress")), "ruleNumber", "ruleAction"))
        for tie in stack.of("aws:ec2/networkAclAssociation:NetworkAclAssociation"):
            acl_, subnet_ = relations.one(tie, "networkAclId", ACL, DEFAULT), relations.one(tie, "subnetId", *SUBNETS)
            if acl_ and subnet_:
                self._of[id(subnet_)] = acl_
        self._default = default[0] if len(default) == 1 else None

    def lets(self, subnet: Resource, egress: bool, peer: Network, wanted: Ports) -> bool:
        """Whether any packet of this kind can pass the edge of the subnet, to (`egress`) or from the peer's network."""
        acl = self._of.get(id(subnet), self._default)
        if acl is None:
            return True
        refused: list[_Rule] = []
        for rule in sorted((r for r in self._rules[id(acl)] if r.egress == egress), key=lambda r: r.number):
            common = rule.ports.meets(wanted)
            if common is None or not overlap(rule.network, peer):
                continue
            if not rule.allows:
                refused.append(rule)
                continue
            narrow = peer if within(peer, rule.network) else rule.network
            if not any(within(narrow, each.network) and each.ports.covers(common) for each in refused):
                return True
        return False

    def lets_both_ways(self, subnet: Resource, egress: bool, peer: Network, wanted: Ports) -> bool:
        """A connection of this kind: the packets that open it, and where TCP is all that it has, those that answer."""
        if not self.lets(subnet, egress, peer, wanted):
            return False
        return wanted.protocol != "tcp" or self.lets(subnet, not egress, peer, Ports("tcp", *_EPHEMERAL))

    def _inline(self, acl: Resource) -> None:
        for direction in ("egress", "ingress"):
            for rule in listed(acl.inputs.get(direction)):
                egress = direction == "egress"
                if isinstance(rule, Unknown):
                    rule = {"ruleNo": 0, "action": "allow", "protocol": "-1", "cidrBlock": None}
                self._rules[id(acl)].extend(_read(rule, egress, "ruleNo", "action"))


def _read(rule: Mapping[str, Any], egress: bool, number: str, action: str) -> list[_Rule]:
    """What isn't known is taken to allow, first of all and everything."""
    no, verdict = rule.get(number), rule.get(action)
    known = isinstance(no, int) and isinstance(verdict, str)
    allowed = ports(rule.get("protocol"), rule.get("fromPort"), rule.get("toPort"))
    texts = [rule[name] for name in ("cidrBlock", "ipv6CidrBlock") if rule.get(name) is not None]
    given = [each for each in map(network, texts) if each] if known else []
    allows = not known or str(verdict).lower() == "allow"
    if not given and not allows:
        return []  # a refusal of nobody knows whom refuses nobody
    return [_Rule(no if isinstance(no, int) and known else 0, allows, egress, each, allowed) for each in given or EVERYWHERE]
