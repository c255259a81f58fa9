"""What an Envoy bootstrap lets through: where its clusters dial, and which authorities its door allows.

Read are the forms that Domicile renders (`domicile_host.egress`): an HTTP RBAC filter of action ALLOW before a forward proxy, whose
policies are about `:authority` (Envoy: HTTP RBAC filter, an ALLOW list refuses what no policy allows), static addresses, and a DNS cache
whose `resolved_address_filter` drops addresses. A filter whose rules come over a discovery service refuses everything until they are
there (Envoy: extension configuration discovery); what they allow stands in the host's settings. Any other form lets everything through.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from domicile.residency import Source
from domicile_policies.reach.traffic import Network, network

SOURCE = Source("envoyproxy.io: HTTP RBAC filter, extension configuration discovery, dynamic forward proxy, DNS cache", "1.40")
FORWARD = "envoy.clusters.dynamic_forward_proxy"
_AUTHORITY = re.compile(r"\(\?i:(?P<name>.+)\):(?P<port>\d+)")
_BELOW = r"([A-Za-z0-9_-]+\.)+"
_PLAIN = re.compile(r"(?:[A-Za-z0-9_-]|\\.)+")


@dataclass(frozen=True)
class Authority:
    """A host (or `*.` and a domain; `*` for all) and port that a policy allows to whoever comes in at the port `door`."""

    host: str
    port: int | None
    policy: str
    door: int = 0


@dataclass(frozen=True)
class Proxy:
    """What one Envoy can dial. `unguarded` says why it may dial anything; `delivered`: its allowlist comes while it runs."""

    authorities: tuple[Authority, ...]
    dials: tuple[tuple[str, int], ...]
    refused: tuple[Network, ...]
    forwards: bool
    delivered: bool
    unguarded: str = ""


def proxy(bootstrap: Any) -> Proxy:
    """Reads a bootstrap."""
    static = bootstrap.get("static_resources", {}) if isinstance(bootstrap, Mapping) else {}
    clusters = static.get("clusters", ())
    outer = [listener for listener in static.get("listeners", ()) if _is_outer(listener)]
    guards = [(_port(listener), _guard(m)) for listener in outer for m in _managers(listener) if _routes_on(m)]
    forwards = any(FORWARD in _each(cluster, "name") for cluster in clusters)
    unguarded = "" if static else "its bootstrap can't be read"
    if any(guard is None for _, guard in guards) or (forwards and not guards):
        unguarded = unguarded or "no allowlist stands before what it forwards"
    return Proxy(
        tuple(replace(each, door=port) for port, guard in guards for each in _authorities(guard or {})),
        tuple(each for cluster in clusters for each in _addresses(cluster)),
        tuple(each for cluster in clusters for each in _refused(cluster)),
        forwards,
        any(guard == {} for _, guard in guards),
        unguarded,
    )


def _is_outer(listener: Mapping[str, Any]) -> bool:
    """Whether anybody but Envoy itself can reach a listener."""
    return "internal_listener" not in listener


def _port(listener: Mapping[str, Any]) -> int:
    return int(listener.get("address", {}).get("socket_address", {}).get("port_value", 0))


def _managers(listener: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for config in _each(listener, "typed_config"):
        if isinstance(config, Mapping) and str(config.get("@type", "")).endswith(".HttpConnectionManager"):
            yield config


def _routes_on(manager: Mapping[str, Any]) -> bool:
    """Whether it routes to the outside at all; the way to the session gateway, and what it answers by itself, need no allowlist."""
    routes = [route for route in _each(manager, "route") if isinstance(route, Mapping)]
    return any(route.get("cluster") != "gateway" for route in routes)


def _guard(manager: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The rules of its allowlist, empty where they are delivered; None where there is none."""
    for each in manager.get("http_filters", ()):
        discovery = each.get("config_discovery")
        if discovery and any(str(url).endswith(".RBAC") for url in discovery.get("type_urls", ())):
            return {} if not discovery.get("default_config") else None
        if each.get("name") == "envoy.filters.http.rbac":
            rules = each.get("typed_config", {}).get("rules")
            return rules if isinstance(rules, Mapping) and rules.get("action", "ALLOW") == "ALLOW" else None
    return None


def _authorities(rules: Mapping[str, Any]) -> Iterator[Authority]:
    for name, policy in rules.get("policies", {}).items():
        for permission in policy.get("permissions", ({"any": True},)):
            yield _authority(name, permission)


def _authority(name: str, permission: Mapping[str, Any]) -> Authority:
    header = permission.get("header", {})
    match = header.get("string_match", {})
    exact, regex = match.get("exact"), match.get("safe_regex", {}).get("regex", "")
    if header.get("name") == ":authority" and not header.get("invert_match"):
        if exact and exact.rpartition(":")[2].isdigit():
            return Authority(exact.rpartition(":")[0], int(exact.rpartition(":")[2]), name)
        if found := _AUTHORITY.fullmatch(regex):
            below, rest = found["name"].startswith(_BELOW), found["name"].removeprefix(_BELOW)
            if _PLAIN.fullmatch(rest):
                return Authority(("*." if below else "") + re.sub(r"\\(.)", r"\1", rest), int(found["port"]), name)
    return Authority("*", None, name)


def _addresses(cluster: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    for socket in _each(cluster.get("load_assignment", {}), "socket_address"):
        yield str(socket.get("address")), int(socket.get("port_value", 0))


def _refused(cluster: Mapping[str, Any]) -> Iterator[Network]:
    for found in _each(cluster, "resolved_address_filter"):
        for each in found.get("ranges", ()):
            if net := network(f"{each.get('address_prefix')}/{each.get('prefix_len')}"):
                yield net


def _each(value: Any, key: str) -> Iterator[Any]:
    """Every value of a key, however deep."""
    if isinstance(value, Mapping):
        for name, below in value.items():
            if name == key:
                yield below
            yield from _each(below, key)
    elif isinstance(value, list):
        for below in value:
            yield from _each(below, key)
