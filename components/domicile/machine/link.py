"""Point-to-point links between namespaces, and the way out of one by address translation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from domicile.machine.command import CommandError, run, succeeds
from domicile.machine.namespace import CHANGED
from domicile.machine.resource import MachineProvider, MachineResource, Spec


class LinkSpec(Spec):
    """A pair of virtual interfaces. A namespace of "" is the machine's own; routes are `ip route` words without `dev`."""

    namespace: str
    interface: str
    addresses: list[str]
    routes: list[str] = []
    peer_namespace: str = ""
    peer_interface: str
    peer_addresses: list[str]


class LinkProvider(MachineProvider):
    """Both ends go when one goes, so a link that lacks anything is made anew."""

    spec = LinkSpec
    replaces = frozenset({"namespace", "interface", "peer_namespace", "peer_interface"})

    def identity(self, spec: LinkSpec) -> str:
        return f"{spec.namespace}/{spec.interface}"

    def ensure(self, spec: LinkSpec) -> Mapping[str, Any]:
        if self.look(spec, {}) == {}:
            return {}
        self.remove(spec)
        peer = ["name", spec.peer_interface, *(["netns", spec.peer_namespace] if spec.peer_namespace else [])]
        run("ip", "-n", spec.namespace, "link", "add", spec.interface, "type", "veth", "peer", *peer)
        if not spec.peer_namespace:  # made beside its peer: move it to the machine's own namespace
            run("ip", "-n", spec.namespace, "link", "set", spec.peer_interface, "netns", "1")
        _set_up(spec.namespace, spec.interface, spec.addresses)
        _set_up(spec.peer_namespace, spec.peer_interface, spec.peer_addresses)
        for route in spec.routes:
            run(*_ip(spec.namespace), "route", "replace", *route.split(), "dev", spec.interface)
        return {}

    def look(self, spec: LinkSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        ends = _addresses(spec.namespace, spec.interface), _addresses(spec.peer_namespace, spec.peer_interface)
        if ends[0] is None or ends[1] is None:
            return None
        found: dict[str, Any] = {}
        if ends[0] != sorted(spec.addresses):
            found["addresses"] = ends[0]
        if ends[1] != sorted(spec.peer_addresses):
            found["peer_addresses"] = ends[1]
        return found

    def remove(self, spec: LinkSpec) -> None:
        for namespace, interface in ((spec.namespace, spec.interface), (spec.peer_namespace, spec.peer_interface)):
            if _addresses(namespace, interface) is not None:
                run(*_ip(namespace), "link", "del", interface)


class MasqueradeSpec(Spec):
    """Forwards what comes from `source` to the outside under the machine's own address, and nothing inwards but answers."""

    table: str
    source: str
    interface: str


class MasqueradeProvider(MachineProvider):
    """One nftables table of its own, so that the machine's other rules stay as they are."""

    spec = MasqueradeSpec
    replaces = frozenset({"table"})

    def identity(self, spec: MasqueradeSpec) -> str:
        return spec.table

    def ensure(self, spec: MasqueradeSpec) -> Mapping[str, Any]:
        was = run("sysctl", "-n", "net.ipv4.ip_forward").strip()
        run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
        run("nft", "-f", "-", stdin=_masquerade(spec))
        return {"was_forwarding": was == "1", "rules": _table(spec.table)}

    def look(self, spec: MasqueradeSpec, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not succeeds("nft", "list", "table", "inet", spec.table):
            return None
        return {} if _table(spec.table) == facts.get("rules") else {"source": CHANGED}

    def remove(self, spec: MasqueradeSpec) -> None:
        if succeeds("nft", "list", "table", "inet", spec.table):
            run("nft", "delete", "table", "inet", spec.table)


class Link(MachineResource):
    """A veth pair: `namespace`, `interface`, `addresses`, `routes`, `peer_namespace`, `peer_interface`, `peer_addresses`."""

    provider: ClassVar[MachineProvider] = LinkProvider()


class Masquerade(MachineResource):
    """Address translation for a link: `table`, `source`, `interface`. IPv4 forwarding stays on when it goes: others may need it."""

    provider: ClassVar[MachineProvider] = MasqueradeProvider()


def _masquerade(spec: MasqueradeSpec) -> str:
    return f"""
table inet {spec.table}
delete table inet {spec.table}
table inet {spec.table} {{
  chain forward {{
    type filter hook forward priority filter; policy accept;
    iifname "{spec.interface}" ip saddr {spec.source} accept
    oifname "{spec.interface}" ct state established,related accept
    iifname "{spec.interface}" drop
    oifname "{spec.interface}" drop
  }}
  chain input {{
    type filter hook input priority filter; policy accept;
    iifname "{spec.interface}" ct state established,related accept
    iifname "{spec.interface}" drop
  }}
  chain postrouting {{
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr {spec.source} oifname != "{spec.interface}" masquerade
  }}
}}
"""


def _table(name: str) -> str:
    return run("nft", "-s", "list", "table", "inet", name)


def _ip(namespace: str) -> list[str]:
    return ["ip", "-n", namespace] if namespace else ["ip"]


def _set_up(namespace: str, interface: str, addresses: list[str]) -> None:
    for address in addresses:
        run(*_ip(namespace), "address", "add", address, "dev", interface)
    run(*_ip(namespace), "link", "set", interface, "up")


def _addresses(namespace: str, interface: str) -> list[str] | None:
    try:
        shown = json.loads(run(*_ip(namespace), "-j", "-4", "address", "show", "dev", interface))
    except CommandError:  # no such interface, or no such namespace
        return None
    return sorted(f"{i['local']}/{i['prefixlen']}" for link in shown if link for i in link.get("addr_info", []))
