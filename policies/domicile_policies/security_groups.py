"""The rules of AWS's security groups in one form, wherever they stand. Called by `network` and `egress`."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from domicile_policies.resource import NotKnown, Resource, Unknown

Direction = Literal["ingress", "egress"]
TYPES = (
    "aws:ec2/securityGroup:SecurityGroup", "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
)  # fmt: skip
GROUPS = TYPES[:2]
_ALONE: Mapping[str, Direction] = {TYPES[3]: "ingress", TYPES[4]: "egress"}
_CIDRS = ("cidrBlocks", "ipv6CidrBlocks", "cidrIpv4", "cidrIpv6")


@dataclass(frozen=True)
class Opening:
    """One rule: a protocol and ports, to or from networks, as written."""

    path: str
    direction: Direction
    rule: Mapping[str, Any]

    def get(self, name: str) -> Any:
        """A value of the rule. Raises NotKnown."""
        value = self.rule.get(name)
        if isinstance(value, Unknown):
            raise NotKnown(f"{self.path}.{name}" if self.path else name)
        return value

    @property
    def networks(self) -> list[str]:
        """Its CIDRs. Raises NotKnown."""
        found: list[str] = []
        for name in _CIDRS:
            value = self.get(name)
            for each in value if isinstance(value, list) else [value]:
                if isinstance(each, Unknown):
                    raise NotKnown(each.path or name)
                if each:
                    found.append(str(each))
        return found

    @property
    def public(self) -> list[str]:
        """Those of its networks with addresses outside the private ranges."""
        return [each for each in self.networks if _public(each)]

    def wide(self, ports: int) -> bool:
        """Whether it opens every protocol, or more ports than these at once. Raises NotKnown."""
        protocol = str(self.get("ipProtocol") if "ipProtocol" in self.rule else self.get("protocol"))
        if protocol in ("-1", "all", "None"):
            return True
        if protocol in ("icmp", "icmpv6", "1", "58"):
            return False
        first, last = self.get("fromPort"), self.get("toPort")
        return first is None or last is None or int(first) < 0 or int(last) - int(first) >= ports


def openings(resource: Resource, *directions: Direction) -> Iterator[Opening]:
    """Every rule that a resource of `TYPES` makes, of these directions or both."""
    for found in _openings(resource):
        if not directions or found.direction in directions:
            yield found


def _openings(resource: Resource) -> Iterator[Opening]:
    if resource.type in _ALONE:
        yield Opening("", _ALONE[resource.type], resource.inputs)
    elif resource.is_a("aws:ec2/securityGroupRule:*"):
        yield Opening("", "ingress" if resource.get("type") == "ingress" else "egress", resource.inputs)
    else:
        for direction in ("ingress", "egress"):
            for path, each in resource.items(direction):
                if isinstance(each, Unknown):
                    raise NotKnown(path)
                yield Opening(path, direction, each)


def _public(cidr: str) -> bool:
    return not ipaddress.ip_network(cidr, strict=False).is_private
