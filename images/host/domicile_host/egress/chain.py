"""How a host's Envoy reaches the outside through a second proxy: by CONNECT, with the name that the policy allowed, never an address.

`clusters` and `listeners` put this in place of dials of their own when the settings name an `upstream_proxy`. The host then asks DNS for
that proxy's name alone. An inspected host has a cluster and an internal listener of its own, so that a pooled connection can't be taken
for another host's or port's.
"""

from __future__ import annotations

from domicile_host.egress.envoy import AUTHORITY, Json, extension, known
from domicile_host.settings import EgressPolicy, EgressRule, UpstreamProxy

PROXY = "upstream-proxy"
_DIALS_AT_ONCE = 20_000
_IDLE = "600s"


def dial(rule: EgressRule) -> str:
    """The internal listener, and the cluster before it, of an inspected host."""
    return f"dial-{rule.host}:{rule.port}"


def inspected(policy: EgressPolicy) -> list[EgressRule]:
    return [rule for rule in policy.rules if rule.mode == "inspect"]


def proxy_cluster(proxy: UpstreamProxy, policy: EgressPolicy) -> Json:
    """The second proxy by its name, at each address that it has."""
    resolvers = [{"socket_address": {"address": str(address), "port_value": 53}} for address in policy.resolvers]
    cares = "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig"
    options = {"no_default_search_domain": True}
    address = {"socket_address": {"address": proxy.host, "port_value": proxy.port}}
    return {
        "name": PROXY,
        "type": "STRICT_DNS",
        "connect_timeout": "5s",
        "dns_lookup_family": "V4_ONLY",
        "typed_dns_resolver_config": extension(
            "envoy.network.dns_resolver.cares", cares, resolvers=resolvers, dns_resolver_options=options
        ),
        "load_assignment": {"cluster_name": PROXY, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address}}]}]},
        "circuit_breakers": {"thresholds": [{"max_connections": _DIALS_AT_ONCE, "max_pending_requests": _DIALS_AT_ONCE}]},
    }


def tunnel_through(name: str, authority: str = known(AUTHORITY), **fields: object) -> Json:
    """The TCP proxy that opens a tunnel to `authority` (a format string; default: the sandbox's checked CONNECT target)."""
    return extension(
        "envoy.filters.network.tcp_proxy",
        "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix=name,
        cluster=PROXY,
        tunneling_config={"hostname": authority},
        idle_timeout=_IDLE,
        max_connect_attempts=1,
        **fields,
    )


def dial_listener(rule: EgressRule) -> Json:
    """Takes the TLS that Envoy speaks to an inspected host, and carries it there."""
    name = dial(rule)
    filters = [tunnel_through(name, f"{rule.host}:{rule.port}")]
    return {"name": name, "internal_listener": {}, "filter_chains": [{"filters": filters}], "per_connection_buffer_limit_bytes": 262_144}
