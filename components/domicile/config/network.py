"""Addresses inside the perimeter: the sandboxes' ends of their links, and the one address they can reach."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from pydantic import field_validator, model_validator

from domicile.config.faults import ConfigRefusedError, Objection, refuse
from domicile.config.section import Section, whole_network
from domicile_host import settings

USABLE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))
"""Private space (RFC 1918) and shared space (RFC 6598): nothing of the internet, of TEST-NET (the stand-in's) or of the link itself."""


class Network(Section, settings.Network):
    """The sandboxes' addresses and the proxy's."""

    @field_validator("sandbox_range", mode="before")
    @classmethod
    def _whole_network(cls, value: object) -> object:
        return whole_network(value, "100.96.0.0/16")

    @field_validator("sandbox_range")
    @classmethod
    def _usable_range(cls, value: IPv4Network) -> IPv4Network:
        if not any(value.subnet_of(network) for network in USABLE):
            allowed = "a network inside " + ", ".join(map(str, USABLE))
            raise ConfigRefusedError(
                Objection((), allowed, "take a network of those that your own networks leave free, as in `100.96.0.0/16`")
            )
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Network:
        refuse(self._objections())
        return self

    def _objections(self) -> Iterator[Objection]:
        inside = self.sandbox_range
        if self.proxy_address not in inside or self.proxy_address in (inside.network_address, inside.broadcast_address):
            fix = f"set `proxyAddress: {inside.network_address + 1}`"
            yield Objection(("proxyAddress",), f"an address inside sandboxRange {inside}, neither its first nor its last", fix)
        for name, port in (("egressPort", self.egress_port), ("gatewayPort", self.gateway_port)):
            if not 1024 <= port <= 65535:
                yield Objection(
                    (name,), "1024 to 65535: the proxy has no privileges", f"set `{name}` to {port + 8000 if port in (80, 443) else 8080}"
                )
        if self.egress_port == self.gateway_port:
            yield Objection(("gatewayPort",), "another port than egressPort", f"set `gatewayPort` to another port than {self.egress_port}")
