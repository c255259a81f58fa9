"""A named network namespace with its own addresses and firewall."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from domicile.machine.command import run
from domicile.machine.resource import MachineProvider, MachineResource, Spec

FOLDER = Path("/run/netns")
CHANGED = "changed outside of this stack"
FORWARDING = "net.ipv4.ip_forward"
"""Set before all others: a change of it sets `accept_redirects` and more anew (Linux, ip-sysctl.rst). A mapping comes here in any order."""


class NetworkNamespaceSpec(Spec):
    """`addresses` (CIDR) are held by the loopback interface, beside its own; `firewall` is a whole nftables ruleset."""

    name: str
    addresses: list[str] = []
    firewall: str = ""
    sysctls: dict[str, str] = {}


class NetworkNamespaceProvider(MachineProvider):
    """Addresses, sysctls and rules are put right in place: sessions that run in the namespace go on."""

    spec = NetworkNamespaceSpec
    replaces = frozenset({"name"})

    def identity(self, spec: NetworkNamespaceSpec) -> str:
        return spec.name

    def ensure(self, spec: NetworkNamespaceSpec) -> Mapping[str, Any]:
        if not _is_namespace(spec.name):
            (FOLDER / spec.name).unlink(missing_ok=True)
            run("ip", "netns", "add", spec.name)
        for key, value in sorted(spec.sysctls.items(), key=lambda setting: setting[0] != FORWARDING):
            run("ip", "netns", "exec", spec.name, "sysctl", "-q", "-w", f"{key}={value}")
        run("ip", "-n", spec.name, "link", "set", "lo", "up")
        if spec.firewall:
            run("ip", "netns", "exec", spec.name, "nft", "-f", "-", stdin=f"flush ruleset\n{spec.firewall}")
        _hold(spec.name, spec.addresses)
        return {"rules": _rules(spec.name)}

    def look(self, spec: NetworkNamespaceSpec, facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if not _is_namespace(spec.name):
            return None
        found: dict[str, Any] = {"addresses": _held(spec.name)}
        if _rules(spec.name) != facts.get("rules"):
            found["firewall"] = CHANGED
        found["sysctls"] = {key: _sysctl(spec.name, key) for key in spec.sysctls}
        return found

    def remove(self, spec: NetworkNamespaceSpec) -> None:
        if _is_namespace(spec.name):
            run("ip", "netns", "del", spec.name)
        (FOLDER / spec.name).unlink(missing_ok=True)


class NetworkNamespace(MachineResource):
    """A network namespace: `name`, `addresses`, `firewall`, `sysctls`."""

    provider: ClassVar[MachineProvider] = NetworkNamespaceProvider()


def _is_namespace(name: str) -> bool:
    return name in {entry["name"] for entry in json.loads(run("ip", "-j", "netns", "list") or "[]")}


def _hold(name: str, addresses: list[str]) -> None:
    held = _held(name)
    for address in set(held) - set(addresses):
        run("ip", "-n", name, "address", "del", address, "dev", "lo")
    for address in addresses:
        if address not in held:
            run("ip", "-n", name, "address", "add", address, "dev", "lo")


def _held(name: str) -> list[str]:
    shown = json.loads(run("ip", "-n", name, "-j", "-4", "address", "show", "dev", "lo"))
    found = [f"{info['local']}/{info['prefixlen']}" for link in shown for info in link.get("addr_info", [])]
    return sorted(address for address in found if not address.startswith("127."))


def _rules(name: str) -> str:
    """A digest of the rules in force, without what changes by itself: counters, and the members of sets that rules fill."""
    listed = json.loads(run("ip", "netns", "exec", name, "nft", "-j", "list", "ruleset"))["nftables"]
    return hashlib.sha256(json.dumps([_lasting(entry) for entry in listed if "metainfo" not in entry]).encode()).hexdigest()


def _lasting(value: Any) -> Any:
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    if not isinstance(value, dict):
        return value
    changing = {"handle", "packets", "bytes", *([] if "interval" in value.get("flags", []) else ["elem"])}
    return {key: _lasting(item) for key, item in value.items() if key not in changing}


def _sysctl(name: str, key: str) -> str:
    return run("ip", "netns", "exec", name, "sysctl", "-n", key).strip()
