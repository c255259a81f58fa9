"""The egress tier's Envoy: the second door of a region, on machines of its own behind which alone is a route out.

Provisioning renders `bootstrap` for each machine. Worker hosts' proxies chain to it by CONNECT. It knows no sessions and opens no TLS: it
holds every connection to the environment's hosts and ports once more, and refuses private addresses where the dial happens.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from pydantic import Field

from domicile_host.egress.clusters import dns_cache
from domicile_host.egress.envoy import HTTP_RBAC, Json, extension, literal, message
from domicile_host.egress.listeners import MANAGER
from domicile_host.settings import EgressPolicy, Settings

UPSTREAM = "allowed"
_MANY = 20_000
_BOUNDS: Json = {"idle_timeout": "300s", "max_headers_count": 32, "headers_with_underscores_action": "REJECT_REQUEST"}
_LOGGED = {
    "ts": "%START_TIME%",
    "host": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%",
    "authority": "%REQ(:AUTHORITY)%",
    "code": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "upstream": "%UPSTREAM_REMOTE_ADDRESS%",
    "up_bytes": "%BYTES_RECEIVED%",
    "down_bytes": "%BYTES_SENT%",
    "ms": "%DURATION%",
    "flags": "%RESPONSE_FLAGS%",
}


class TierSettings(Settings):
    """What one machine of the tier is told of one environment, which comes in at a port of its own."""

    name: str = Field(description="the tier's name, for Envoy's own messages")
    environment: str = Field("", description="of a tier with several doors: whose this is")
    policy: EgressPolicy = Field(description="the environment's allowlist and the DNS servers to ask")
    beside: tuple[tuple[str, int], ...] = Field(description="host and port of what the worker hosts themselves need: control plane, sinks")
    refused_networks: tuple[IPv4Network, ...] = Field((), description="networks never dialled beside the special-purpose ones")
    address: str = Field("0.0.0.0", description="where it listens")  # noqa: S104 - the machine's security group says who comes in
    port: int = Field(3128, description="where worker hosts' proxies come in")
    health_port: int = Field(8081, description="where the load balancer asks `/ready`")


def bootstrap(settings: TierSettings, *others: TierSettings) -> Json:
    """Envoy's bootstrap, whole: nothing changes while it runs. One door an environment, and nothing that two of them share: what comes in
    at a door is held to that environment's policy and to no other; where there is no door, nobody answers."""
    doors = (settings, *others)
    return {
        "node": {"id": settings.name, "cluster": settings.name},
        "static_resources": {
            "listeners": [*map(_door, doors), _health(settings)],
            "clusters": [*map(_upstream, doors)],
        },
    }


def _called(noun: str, settings: TierSettings) -> str:
    return f"{noun}/{settings.environment}" if settings.environment else noun


def _door(settings: TierSettings) -> Json:
    cache = {"dns_cache_config": _cache(settings)}
    filters = [
        extension("envoy.filters.http.rbac", HTTP_RBAC, rules=_allowlist(settings)),
        extension(
            "envoy.filters.http.dynamic_forward_proxy", "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig", **cache
        ),
        _router(),
    ]
    tunnel = {
        "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}],
        "cluster": _called(UPSTREAM, settings),
        "timeout": "0s",
        "idle_timeout": "600s",
    }
    log = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog"
    whose = {"environment": settings.environment} if settings.environment else {}
    manager = _manager(
        _called("door", settings),
        routes=[{"match": {"connect_matcher": {}}, "route": tunnel}],
        http_filters=filters,
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        access_log=[extension("envoy.access_loggers.stdout", log, log_format={"json_format": {**whose, **_LOGGED}})],
    )
    return _listener(_called("door", settings), settings.address, settings.port, manager)


def _allowlist(settings: TierSettings) -> Json:
    """One policy a host and port; what none allows is refused."""
    allowed = {*((rule.host, rule.port) for rule in settings.policy.rules), *settings.beside}
    policies = {f"allow/{host}:{port}": _policy(host, port) for host, port in sorted(allowed)}
    return {"action": "ALLOW", "policies": policies}


def _policy(host: str, port: int) -> Json:
    """`*.example.com` covers every name below, as on the worker host; the authority's letters may be of either case."""
    name = rf"([A-Za-z0-9_-]+\.)+{literal(host[2:])}" if host.startswith("*.") else literal(host)
    match = {"name": ":authority", "string_match": {"safe_regex": {"google_re2": {}, "regex": f"(?i:{name}):{port}"}}}
    return {"permissions": [{"header": match}], "principals": [{"any": True}]}


def _health(settings: TierSettings) -> Json:
    """Envoy answers by itself, as long as it runs and isn't draining."""
    manager = _manager(
        "health",
        routes=[{"match": {"path": "/ready"}, "direct_response": {"status": 200, "body": {"inline_string": "ready\n"}}}],
        http_filters=[_router()],
    )
    return _listener("health", settings.address, settings.health_port, manager)


def _manager(name: str, routes: list[Json], **fields: object) -> Json:
    hosts = [{"name": name, "domains": ["*"], "routes": routes}]
    return {
        "name": "http",
        "typed_config": message(
            MANAGER,
            stat_prefix=name,
            codec_type="HTTP1",
            max_request_headers_kb=8,
            request_headers_timeout="5s",
            common_http_protocol_options=_BOUNDS,
            use_remote_address=True,
            skip_xff_append=True,
            route_config={"name": name, "virtual_hosts": hosts},
            **fields,
        ),
    }


def _router() -> Json:
    return extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True)


def _listener(name: str, address: str, port: int, manager: Json) -> Json:
    return {
        "name": name,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [{"filters": [manager]}],
        "per_connection_buffer_limit_bytes": 262_144,
    }


def _upstream(settings: TierSettings) -> Json:
    kind = "envoy.extensions.clusters.dynamic_forward_proxy.v3.ClusterConfig"
    return {
        "name": _called(UPSTREAM, settings),
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "5s",
        "cluster_type": extension("envoy.clusters.dynamic_forward_proxy", kind, dns_cache_config=_cache(settings)),
        "circuit_breakers": {"thresholds": [{"max_connections": _MANY, "max_pending_requests": _MANY, "max_requests": _MANY}]},
    }


def _cache(settings: TierSettings) -> Json:
    """The worker hosts' DNS cache, which drops special-purpose addresses, and the networks that the configuration adds."""
    cache = dns_cache(settings.policy)
    added = [{"address_prefix": str(network.network_address), "prefix_len": network.prefixlen} for network in settings.refused_networks]
    ranges = [*cache["resolved_address_filter"]["ranges"], *added]
    return {**cache, "name": _called(cache["name"], settings), "resolved_address_filter": {"ranges": ranges}}
