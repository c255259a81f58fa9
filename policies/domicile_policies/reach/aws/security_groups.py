"""Security groups: who may open a connection to whom.

- Stateful: what answers an allowed connection passes, whatever the rules (VPC guide: security group rules).
- Rules only allow; those of all groups of an interface count together (same page).
- A rule names a network, a prefix list, or another group, and then every interface that has that group (same page).
- An interface without a group has its VPC's default one, which lets everything out until it is changed; the provider's resource
  `DefaultSecurityGroup` takes away all rules that it doesn't name. A group that the provider makes has no rule that it isn't given:
  it removes AWS's own "all traffic out" (provider's documentation of `SecurityGroup`).
- Link-local addresses (resolver, metadata, clock) pass no group (VPC guide: security groups).

Inline rules, `SecurityGroupRule` and `SecurityGroupEgressRule`/`…IngressRule` are read alike; where several are given, all count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from domicile.residency import Source
from domicile_policies.reach.relations import Relations, is_true, listed
from domicile_policies.reach.traffic import ANY, EVERYWHERE, Network, Ports, network, ports
from domicile_policies.resource import Resource, Stack, Unknown

SOURCE = Source("docs.aws.amazon.com: Amazon VPC User Guide, security groups and security group rules", "2025")
GROUP = "aws:ec2/securityGroup:SecurityGroup"
DEFAULT = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
GROUPS = (GROUP, DEFAULT)
Direction = Literal["egress", "ingress"]


@dataclass(frozen=True)
class Door:
    """One permission: ports to or from a network, a prefix list, or the holders of a group. Of the three one is set.

    `foreign` is a group or list that isn't in the stack, by its id, or `unknown`.
    """

    rule: Resource
    path: str
    ports: Ports
    network: Network | None = None
    group: Resource | None = None
    prefix_list: str = ""
    foreign: str = ""

    @property
    def peer(self) -> str:
        return str(self.network or (self.group and f"group {self.group.name}") or self.prefix_list or f"group {self.foreign}")

    @property
    def by(self) -> str:
        return f"{self.ports} with {self.peer}"


@dataclass(frozen=True)
class _Form:
    """What a kind of rule calls its fields."""

    protocol: str
    networks: tuple[str, ...]
    lists: str
    groups: str


_INLINE = _Form("protocol", ("cidrBlocks", "ipv6CidrBlocks"), "prefixListIds", "securityGroups")
_CLASSIC = _Form("protocol", ("cidrBlocks", "ipv6CidrBlocks"), "prefixListIds", "sourceSecurityGroupId")
_SINGLE = _Form("ipProtocol", ("cidrIpv4", "cidrIpv6"), "prefixListId", "referencedSecurityGroupId")


class SecurityGroups:
    """The doors of every group of a stack."""

    def __init__(self, stack: Stack, relations: Relations) -> None:
        self._relations = relations
        self._doors: dict[tuple[int, Direction], list[Door]] = defaultdict(list)
        for group in stack.of(*GROUPS):
            self._inline(group)
        for rule in stack.of("aws:ec2/securityGroupRule:SecurityGroupRule"):
            self._separate(rule, "egress" if rule.inputs.get("type") != "ingress" else "ingress", _CLASSIC)
        for rule in stack.of("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"):
            self._separate(rule, "egress", _SINGLE)
        for rule in stack.of("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"):
            self._separate(rule, "ingress", _SINGLE)

    def doors(self, group: Resource, direction: Direction) -> list[Door]:
        return self._doors.get((id(group), direction), [])

    def _inline(self, group: Resource) -> None:
        for direction in ("egress", "ingress"):
            for n, rule in enumerate(listed(group.inputs.get(direction))):
                at = f"{direction}[{n}]"
                if isinstance(rule, Unknown):
                    found: Iterator[Door] = (Door(group, at, ANY, network=each) for each in EVERYWHERE)
                else:
                    found = self._read(group, group, rule, at, _INLINE)
                self._doors[id(group), direction].extend(found)

    def _separate(self, rule: Resource, direction: Direction, form: _Form) -> None:
        owners = self._relations.named(rule, "securityGroupId", *GROUPS)
        for owner in owners.resources:
            self._doors[id(owner), direction].extend(self._read(rule, owner, rule.inputs, "", form))

    def _read(self, at: Resource, owner: Resource, rule: Mapping[str, Any], path: str, form: _Form) -> Iterator[Door]:
        allowed = ports(rule.get(form.protocol), rule.get("fromPort"), rule.get("toPort"))

        def below(name: str) -> str:
            return f"{path}.{name}" if path else name

        for name in form.networks:
            for text in listed(rule.get(name)):
                given = network(text)
                for each in (given,) if given else EVERYWHERE:
                    yield Door(at, below(name), allowed, network=each)
        for text in listed(rule.get(form.lists)):
            yield Door(at, below(form.lists), allowed, prefix_list=text if isinstance(text, str) else "unknown")
        if rule.get(form.groups) is not None:
            found = self._relations.named(at, below(form.groups), *GROUPS)
            for group in found.resources:
                yield Door(at, below(form.groups), allowed, group=group)
            for foreign in (*found.foreign, *(("unknown",) if found.unseen else ())):
                yield Door(at, below(form.groups), allowed, foreign=foreign)
        if rule.get("self") is not None and is_true(rule["self"]):
            yield Door(at, below("self"), allowed, group=owner)
