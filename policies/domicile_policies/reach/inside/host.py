"""A worker host from the inside: what its packet filter, its proxy and its settings let a sandbox reach.

Sandboxes have one link each, whose interfaces are `sb*`, and no other way out of their namespace. What they may reach is what the
services' packet filter accepts from those; everything else goes through the proxy, by the rules in the host's settings, which the
dispatcher delivers to it. On a host behind a second door the proxy dials that door alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domicile_policies.reach.declared import HTTPS, Declared
from domicile_policies.reach.inside.envoy import proxy
from domicile_policies.reach.inside.packet_filter import Accepted, Chain, accepted, chains
from domicile_policies.reach.proof import Hop, Kind, Proof
from domicile_policies.resource import Resource

SANDBOX, PROXY = Hop("sandbox"), "worker host's proxy"
LINKS = "sb*"
_DNS = 53


@dataclass(frozen=True)
class Text:
    """One of a host's files: what is in it, of which resource, and where there."""

    content: Any
    resource: Resource
    path: str


@dataclass(frozen=True)
class Host:
    """The files of a host that say what passes."""

    settings: Text
    bootstrap: Text
    services: Text
    machine: Text | None = None


@dataclass(frozen=True)
class Door:
    """The second proxy, to which alone a host may dial."""

    host: str
    port: int
    network: str


def second_door(settings: Any) -> Door | None:
    """As a host's settings name it."""
    found = settings.get("upstream_proxy") if isinstance(settings, Mapping) else None
    return Door(str(found.get("host")), int(found.get("port", 3128)), str(found.get("network"))) if found else None


class Judge:
    """Holds one host to what is declared."""

    def __init__(self, host: Host, declared: Declared, proof: Proof) -> None:
        self._host, self._declared, self._proof = host, declared, proof
        self._settings: Mapping[str, Any] = host.settings.content if isinstance(host.settings.content, Mapping) else {}
        self._network: Mapping[str, Any] = self._settings.get("network", {})
        self.door = second_door(self._settings)

    def judge(self) -> Door | None:
        """Everything inside; the door through which its proxy goes on, if it isn't the last one itself."""
        if not self._settings:
            self._find("undecided", "the host's settings can't be read", (), "anything", self._host.settings)
            return None
        self._filter(self._host.services)
        if self._host.machine:
            self._machine(self._host.machine)
        self._rules()
        self._proxy()
        return self.door

    def rules(self) -> list[tuple[str, int]]:
        """What the host's proxy lets sandboxes reach."""
        return [(str(rule["host"]), int(rule.get("port", HTTPS))) for rule in self._settings.get("egress", {}).get("rules", ())]

    def _rules(self) -> None:
        for n, (host, port) in enumerate(self.rules()):
            if not self._declared.allows(host, port):
                at = Text(None, self._host.settings.resource, f"{self._host.settings.path} egress.rules[{n}]")
                by = Hop(PROXY, f"its policy's rule for {host}:{port}", at.resource)
                self._find("open", "the host's policy allows what isn't declared", (by,), f"internet: {host}:{port}", at)

    def _proxy(self) -> None:
        text = self._host.bootstrap
        found = proxy(text.content)
        if found.unguarded:
            self._find(
                "open", f"the host's proxy is open: {found.unguarded}", (Hop(PROXY, found.unguarded, text.resource),), "any host", text
            )
        for authority in found.authorities:
            if authority.port is None or not self._declared.allows(authority.host, authority.port):
                by = Hop(PROXY, f"policy {authority.policy}", text.resource)
                self._find("open", "the host's proxy allows what isn't declared", (by,), f"internet: {authority.policy}", text)
        for host, port in found.dials:
            if self.door is None or (host, port) != (self.door.host, self.door.port):
                by = Hop(PROXY, "a cluster of its bootstrap", text.resource)
                self._find("open", "the host's proxy dials another place than the second door", (by,), f"{host}:{port}", text)
        if found.forwards and self.door is not None:
            by = Hop(PROXY, "its forward proxy", text.resource)
            self._find("one-lock", "the host's proxy can dial by itself, past the second door", (by,), "any host", text)
        self._proof.assume(
            "the host's proxy keeps the rules of its settings, which the dispatcher delivers to it, and refuses everything before",
            "its image's digest, signed; docs/SPECIFICATION.md S1 with the tests of the real proxy",
        )

    def _filter(self, text: Text) -> None:
        found = chains(str(text.content or ""))
        for hook in ("input", "forward", "output"):
            if not any(chain.hook == hook for chain in found.values()):
                by = Hop("packet filter", f"no chain for {hook}", text.resource)
                self._find("open", f"the services' packet filter doesn't filter {hook}", (by,), "anything", text)
        for rule in accepted(found, "input"):
            if rule.interface != "lo" and not self._is_door(rule):
                self._passes(rule, "a sandbox reaches more than the proxy's ports", rule.to or "the services' namespace", text)
        for rule in accepted(found, "forward"):
            self._passes(rule, "packets of sandboxes are passed on", rule.to or "whatever the host reaches", text)
        self._output(found, text)

    def _is_door(self, rule: Accepted) -> bool:
        ports = {int(self._network.get("egress_port", 3128)), int(self._network.get("gateway_port", 8080))}
        only = rule.ports is not None and set(rule.ports) <= ports and rule.protocol == "tcp"
        return rule.interface == LINKS and rule.to == str(self._network.get("proxy_address", "100.96.0.1")) and only

    def _output(self, found: Mapping[str, Chain], text: Text) -> None:
        resolvers = {str(each) for each in self._settings.get("egress", {}).get("resolvers", ())}
        for rule in accepted(found, "output"):
            if rule.interface == "lo" or self._asks(rule, resolvers) or self._is_dial(rule):
                continue
            self._passes(rule, "the host's services can dial where nothing declared is", rule.to or "any address", text, "one-lock")

    def _asks(self, rule: Accepted, resolvers: set[str]) -> bool:
        to = {each.strip() for each in (rule.to or "").strip("{} ").split(",")}
        return rule.ports == (_DNS,) and to <= resolvers

    def _is_dial(self, rule: Accepted) -> bool:
        """Behind a second door: into its network, and of the shipper to S3's public addresses, which no route but S3's leads to."""
        if rule.ports is None:
            return False
        allowed = {port for _, port in self._declared.hosts | self._declared.beside} | {HTTPS}
        if self.door is None:
            return set(rule.ports) <= allowed and (rule.to in (None, "!= @private") or _is_one(rule.to, self._sinks()))
        if rule.to == self.door.network:
            return set(rule.ports) <= {self.door.port, HTTPS}
        return rule.to == "!= @private" and rule.ports == (HTTPS,)

    def _sinks(self) -> set[str]:
        return {host for host, _ in self._declared.hosts | self._declared.beside}

    def _machine(self, text: Text) -> None:
        """The machine itself passes on what the services' namespace sends, and nothing of sandboxes, which have no route to it."""
        for rule in accepted(chains(str(text.content or "")), "forward"):
            if not rule.interface or " saddr " not in rule.rule:
                self._passes(
                    rule, "the machine passes on what isn't the services'", rule.to or "whatever the machine reaches", text, "one-lock"
                )

    def _passes(self, rule: Accepted, because: str, to: str, text: Text, kind: Kind = "open") -> None:
        self._find(kind, because, (Hop("packet filter", rule.rule, text.resource),), to, text)

    def _find(self, kind: Kind, because: str, hops: Sequence[Hop], to: str, at: Text) -> None:
        self._proof.find(kind, because, (SANDBOX, *hops), to, at.resource, at.path)


def _is_one(text: str | None, of: set[str]) -> bool:
    return text in of


def way_in(host: Host) -> Iterator[Hop]:
    """From a sandbox to the host's proxy, as the report says it."""
    yield SANDBOX
    yield Hop(PROXY, "its one link; the packet filter accepts the proxy's ports alone", host.services.resource)
