"""Protocols, ports and networks, as AWS and Kubernetes both write them."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from domicile_policies.resource import Unknown

Network = IPv4Network | IPv6Network
EVERYWHERE = (IPv4Network("0.0.0.0/0"), IPv6Network("::/0"))
_NUMBERS = {"-1": "any", "all": "any", "6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
LAST = 65535


@dataclass(frozen=True)
class Ports:
    """One protocol and a range of its ports. `any` is every protocol, whole."""

    protocol: str
    first: int = 0
    last: int = LAST

    def __str__(self) -> str:
        if self.protocol == "any" or (self.first, self.last) == (0, LAST):
            return "any traffic" if self.protocol == "any" else f"any {self.protocol}"
        return f"{self.protocol} {self.first}" + ("" if self.first == self.last else f"-{self.last}")

    def meets(self, other: Ports) -> Ports | None:
        """What both have."""
        if self.protocol == "any":
            return other
        if other.protocol == "any":
            return self
        first, last = max(self.first, other.first), min(self.last, other.last)
        return Ports(self.protocol, first, last) if self.protocol == other.protocol and first <= last else None

    def covers(self, other: Ports) -> bool:
        return self.protocol == "any" or (self.protocol == other.protocol and self.first <= other.first and other.last <= self.last)


ANY = Ports("any")


def ports(protocol: Any, first: Any = None, last: Any = None) -> Ports:
    """As a rule says it. What isn't known is taken for all: a reach is never too small."""
    if protocol is None or isinstance(protocol, Unknown):
        return ANY
    name = _NUMBERS.get(str(protocol).lower(), str(protocol).lower())
    if name == "any":
        return ANY
    if name not in ("tcp", "udp", "sctp") or not isinstance(first, int) or first < 0:
        return Ports(name)
    return Ports(name, first, last if isinstance(last, int) and last >= first else first if last is None else LAST)


def network(text: Any) -> Network | None:
    """The network of a text; None for what isn't one, or isn't known: then it may be any."""
    try:
        return ip_network(text, strict=False) if isinstance(text, str) else None
    except ValueError:
        return None


def overlap(one: Network, other: Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]
