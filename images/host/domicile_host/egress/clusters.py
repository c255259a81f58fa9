"""Where Envoy connects to: the dispatcher's ADS, the session gateway, its own internal listeners, and the allowed hosts.

The bootstrap puts them in. Upstream names are resolved by one DNS cache that drops private addresses, so neither a hostile zone
nor rebinding leads inside.
"""

from __future__ import annotations

from pathlib import Path

from domicile_host.egress import chain
from domicile_host.egress.addresses import PRIVATE
from domicile_host.egress.envoy import Json, extension, message
from domicile_host.settings import EgressPolicy, HostSettings, UpstreamProxy

ADS = "ads"
GATEWAY = "gateway"
TUNNELLED = "allowed-tunnelled"
INSPECTED = "allowed-inspected"
SYSTEM_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

_PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_RAW = "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer"
_INTERNAL = "envoy.extensions.transport_sockets.internal_upstream.v3.InternalUpstreamTransport"
_MANY = 20_000
_UNBOUND = {"thresholds": [{"max_connections": _MANY, "max_pending_requests": _MANY, "max_requests": _MANY}]}


def private_ranges() -> list[Json]:
    return [{"address_prefix": str(network.network_address), "prefix_len": network.prefixlen} for network in PRIVATE]


def dns_cache(policy: EgressPolicy) -> Json:
    """The one DNS cache; every filter and cluster that names it must carry the same words."""
    resolvers = [{"socket_address": {"address": str(address), "port_value": 53}} for address in policy.resolvers]
    resolver = extension(
        "envoy.network.dns_resolver.cares",
        "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        resolvers=resolvers,
        dns_resolver_options={"no_default_search_domain": True},
    )
    return {
        "name": "egress",
        "dns_lookup_family": "V4_ONLY",
        "dns_refresh_rate": "5s",
        "dns_min_refresh_rate": "1s",
        "host_ttl": "60s",
        "max_hosts": 4096,
        "dns_query_timeout": "3s",
        "typed_dns_resolver_config": resolver,
        "resolved_address_filter": {"ranges": private_ranges()},
    }


def clusters(settings: HostSettings, internal_listeners: list[str]) -> list[Json]:
    policy = settings.egress
    return [
        _socket(ADS, settings.places.ads, _http({"http2_protocol_options": {}})),
        _socket(GATEWAY, settings.places.gateway_sandbox, _http({"http_protocol_options": {}}, idle_timeout="30s")),
        *(_internal(name) for name in internal_listeners),
        *(_chained(settings.upstream_proxy, policy) if settings.upstream_proxy else _dialled(policy)),
    ]


def _dialled(policy: EgressPolicy) -> list[Json]:
    return [
        _allowed(TUNNELLED, policy),
        _allowed(INSPECTED, policy, transport_socket=_verified(policy), typed_extension_protocol_options=_inspected_http(_no_private())),
    ]


def _chained(proxy: UpstreamProxy, policy: EgressPolicy) -> list[Json]:
    """The second proxy refuses private addresses, where the dial happens; TLS to inspected hosts is still opened and verified here."""
    return [
        chain.proxy_cluster(proxy, policy),
        *(_internal(chain.dial(rule), _verified(policy), _inspected_http()) for rule in chain.inspected(policy)),
    ]


def _http(explicit: Json, idle_timeout: str | None = None) -> Json:
    common = {"common_http_protocol_options": {"idle_timeout": idle_timeout}} if idle_timeout else {}
    return {_PROTOCOL_OPTIONS: message(_PROTOCOL_OPTIONS, explicit_http_config=explicit, **common)}


def _socket(name: str, path: Path, protocol: Json) -> Json:
    return _fixed(name, {"pipe": {"path": str(path)}}, typed_extension_protocol_options=protocol)


def _internal(listener: str, inner: Json | None = None, protocol: Json | None = None) -> Json:
    """The way into one of Envoy's internal listeners; its transport socket carries the filter state along."""
    inner = inner or extension("envoy.transport_sockets.raw_buffer", _RAW)
    fields = {"typed_extension_protocol_options": protocol} if protocol else {}
    carrier = extension("envoy.transport_sockets.internal_upstream", _INTERNAL, transport_socket=inner)
    return _fixed(listener, {"envoy_internal_address": {"server_listener_name": listener}}, transport_socket=carrier, **fields)


def _fixed(name: str, address: Json, **fields: Json) -> Json:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
        "circuit_breakers": _UNBOUND,
        **fields,
    }


def _allowed(name: str, policy: EgressPolicy, **fields: Json) -> Json:
    kind = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
    return {
        "name": name,
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "5s",
        "cluster_type": extension("envoy.clusters.dynamic_forward_proxy", kind, dns_cache_config=dns_cache(policy)),
        "circuit_breakers": _UNBOUND,
        **fields,
    }


def _verified(policy: EgressPolicy) -> Json:
    """TLS to inspected hosts: the certificate must lead to a trusted CA and bear the host's name (see `_inspected_http`)."""
    trusted = {"trusted_ca": {"filename": str(policy.upstream_ca_file or SYSTEM_CERTIFICATES)}}
    context = {"tls_params": {"tls_minimum_protocol_version": "TLSv1_2"}, "validation_context": trusted}
    kind = "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext"
    return extension("envoy.transport_sockets.tls", kind, common_tls_context=context)


def _no_private() -> Json:
    """Refuses a private address once more, before the dial."""
    matcher = "envoy.extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher"
    private = [{"matcher": extension("private", matcher, upstream_ip=cidr)} for cidr in private_ranges()]
    rules = {"action": "DENY", "policies": {"deny/private-address": {"principals": [{"any": True}], "permissions": private}}}
    return extension("envoy.filters.http.upstream_rbac", "envoy.extensions.filters.http.rbac.v3.RBAC", rules=rules)


def _inspected_http(*filters: Json) -> Json:
    """HTTP to inspected hosts: SNI and verified name follow the request."""
    codec = extension("envoy.filters.http.upstream_codec", "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec")
    options = message(
        _PROTOCOL_OPTIONS,
        auto_config={},
        upstream_http_protocol_options={"auto_sni": True, "auto_san_validation": True},
        common_http_protocol_options={"idle_timeout": "60s"},
        http_filters=[*filters, codec],
    )
    return {_PROTOCOL_OPTIONS: options}
