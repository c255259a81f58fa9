"""Envoy's listeners: the door for CONNECT, the tunnels and the inspection behind it, and the way to the session gateway.

The bootstrap puts them in; they change only with the policy's ports, inspected hosts and credentials. A CONNECT passes `ingress`,
whose RBAC filters (over ADS) name its session and rule; by that rule it goes on to the internal listener `tunnel-<port>` or
`inspect-<port>`.
"""

from __future__ import annotations

from typing import Any

from domicile_host.egress import access_log, chain, clusters, names
from domicile_host.egress.envoy import (
    ADS,
    AUTHORITY,
    DECIDED,
    DYNAMIC_HOST,
    HTTP_RBAC,
    RULE,
    RULE_ID,
    SESSION,
    SNI_AUTHORITY,
    SOURCE,
    TUNNEL,
    Json,
    choose,
    discovered,
    extension,
    header,
    known,
    message,
    plain,
    remember,
    state,
    verdict,
    where,
)
from domicile_host.settings import EgressRule, HostSettings

MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
HTTP_STATE = "envoy.extensions.filters.http.set_filter_state.v3.Config"
TCP_STATE = "envoy.extensions.filters.network.set_filter_state.v3.Config"
TLS_INSPECTOR = "envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"

_LISTENER: Json = {"per_connection_buffer_limit_bytes": 262_144, "listener_filters_timeout": "5s"}
_CHAIN: Json = {"transport_socket_connect_timeout": "5s"}
_BOUNDS: Json = {"idle_timeout": "300s", "max_headers_count": 64, "headers_with_underscores_action": "REJECT_REQUEST"}
_MAX_CONNECTIONS = 20_000
_TUNNEL_IDLE = "600s"
_FORWARDING_HEADERS = (
    "forwarded",
    "proxy-authorization",
    "proxy-connection",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
)


def internal_listeners(settings: HostSettings) -> list[str]:
    """The internal listeners that the policy needs: one for each mode and port."""
    return sorted({f"{rule.mode}-{rule.port}" for rule in settings.egress.rules})


def listeners(settings: HostSettings) -> list[Json]:
    ports = {mode: sorted({rule.port for rule in settings.egress.rules if rule.mode == mode}) for mode in ("tunnel", "inspect")}
    return [
        ingress(settings),
        *(tunnel(settings, port) for port in ports["tunnel"]),
        *(inspect(settings, port) for port in ports["inspect"]),
        *(chain.dial_listener(rule) for rule in chain.inspected(settings.egress) if settings.upstream_proxy),
        gateway(settings),
    ]


# --- the door --------------------------------------------------------------------------------------------------------------


def ingress(settings: HostSettings) -> Json:
    """Takes one CONNECT a connection: names the session by the link's address, then the rule by the CONNECT's target.

    A refusal ends the connection, so that the packet filter's bound on new connections bounds what refusals can fill the log with.
    """
    target = "%REQ(:AUTHORITY)%"
    filters = [
        _remembering(remember(SOURCE, "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"), remember(TUNNEL, "%STREAM_ID%")),
        discovered(names.SESSIONS),
        _remembering(remember(SESSION, DECIDED)),
        discovered(names.CONNECTS),
        _remembering(remember(RULE, RULE_ID), remember(AUTHORITY, target), remember(DYNAMIC_HOST, target, factory=DYNAMIC_HOST)),
        _router(),
    ]
    manager = _manager(
        "ingress",
        codec_type="HTTP1",
        generate_request_id=True,
        http_protocol_options={"accept_http_10": True},
        common_http_protocol_options=_BOUNDS | {"max_requests_per_connection": 1},
        upgrade_configs=[{"upgrade_type": "CONNECT"}],
        route_config=_routes("ingress", ["*"], [_tunnel_route(name) for name in internal_listeners(settings)]),
        http_filters=filters,
        local_reply_config=_refusal(settings),
        access_log=access_log.connects(settings.places.egress_log),
        access_log_options={"flush_log_on_tunnel_successfully_established": True},
    )
    return _outer("ingress", settings, settings.network.egress_port, manager)


def _tunnel_route(listener: str) -> Json:
    mode, port = listener.split("-")
    rule = {"safe_regex": {"google_re2": {}, "regex": f"[^/]+/allow/{mode}/[^/]+:{port}"}}
    return {
        "name": listener,
        "match": {"connect_matcher": {}, "filter_state": [{"key": RULE, "string_match": rule}]},
        "route": {
            "cluster": listener,
            "timeout": "0s",
            "idle_timeout": _TUNNEL_IDLE,
            "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}],
        },
        "request_headers_to_remove": list(_FORWARDING_HEADERS),
    }


def _refusal(settings: HostSettings) -> Json:
    """Refusals as JSON: which rule, and how to ask for what was refused. The rule also stands in a header."""
    failed = {"type": "egress_failed", "reason": "%RESPONSE_CODE_DETAILS%", "host": "%REQ(:AUTHORITY)%"}
    mappers = [_denial(rule, plain(settings.egress.how_to_ask)) for rule in names.DENIALS]
    return {"mappers": mappers, "body_format": {"json_format": {"error": failed}}}


def _denial(rule: str, how_to_ask: str) -> Json:
    """The answer to what `rule` refused. Envoy writes it before it knows the rule's name as such; only the details tell."""
    body = {"type": "egress_denied", "rule": f"{known(SESSION)}/{rule}", "host": "%REQ(:AUTHORITY)%", "how_to_ask": how_to_ask}
    return {
        "filter": where(f"response.code_details == 'rbac_access_denied_matched_policy[{rule}]'"),
        "body_format_override": {"json_format": {"error": body}},
        "headers_to_add": [{"header": {"key": "x-egress-denied", "value": rule}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
    }


# --- behind it: TLS left closed --------------------------------------------------------------------------------------------


def tunnel(settings: HostSettings, port: int) -> Json:
    """Passes TLS through if its SNI is the CONNECT's host. The dial goes to the CONNECT's target, so an SNI is never looked up."""
    name = f"tunnel-{port}"
    same_name = extension("sni", "envoy.extensions.filters.network.rbac.v3.RBAC", stat_prefix=f"{name}.", rules=_sni_is_connect_host())
    # what is sent on, is sent after the verdict: the dial waits for the client's first bytes
    fields: Json = {
        "upstream_connect_mode": "ON_DOWNSTREAM_DATA",
        "max_early_data_bytes": 16_384,
        "access_log": access_log.connections(settings.places.egress_log),
    }
    onward = [chain.tunnel_through(name, **fields)] if settings.upstream_proxy else _dialling(name, settings, port, fields)
    filters = [_sni_authority(port), same_name, *onward]
    return _inner(name, settings, [{"filter_chain_match": {"transport_protocol": "tls"}, "filters": filters, **_CHAIN}])


def _dialling(name: str, settings: HostSettings, port: int, fields: Json) -> list[Json]:
    return [
        extension(
            "envoy.filters.network.sni_dynamic_forward_proxy",
            "envoy.extensions.filters.network.sni_dynamic_forward_proxy.v3.FilterConfig",
            port_value=port,
            dns_cache_config=clusters.dns_cache(settings.egress),
        ),
        extension(
            "envoy.filters.network.tcp_proxy",
            "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
            stat_prefix=name,
            cluster=clusters.TUNNELLED,
            idle_timeout=_TUNNEL_IDLE,
            max_connect_attempts=1,
            **fields,
        ),
    ]


def _sni_authority(port: int) -> Json:
    return extension(
        "sni_authority", TCP_STATE, on_new_connection=[remember(SNI_AUTHORITY, f"%REQUESTED_SERVER_NAME%:{port}", shared=False)]
    )


def _sni_is_connect_host() -> Json:
    """ALLOW on equality, never DENY on difference: an expression that fails to evaluate must refuse. Both sides are bytes."""
    same = {"call_expr": {"function": "_==_", "args": [_filter_state(SNI_AUTHORITY), _filter_state(AUTHORITY)]}}
    rule = {"permissions": [{"any": True}], "principals": [{"any": True}], "condition": same}
    return {"action": "ALLOW", "policies": {"allow/sni-is-connect-host": rule}}


def _filter_state(key: str) -> Json:
    operands = [{"ident_expr": {"name": "filter_state"}}, {"const_expr": {"string_value": key}}]
    return {"call_expr": {"function": "_[_]", "args": operands}}


# --- behind it: TLS opened -------------------------------------------------------------------------------------------------


def inspect(settings: HostSettings, port: int) -> Json:
    """Opens TLS with the perimeter's own CA; one filter chain for each inspected host."""
    inspected = [rule for rule in settings.egress.rules if rule.mode == "inspect" and rule.port == port]
    return _inner(f"inspect-{port}", settings, [_inspection(settings, rule) for rule in inspected])


def _inspection(settings: HostSettings, rule: EgressRule) -> Json:
    certificate = {"name": names.leaf(rule.host), "sds_config": ADS}
    tls = {
        "alpn_protocols": ["h2", "http/1.1"],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
        "tls_certificate_sds_secret_configs": [certificate],
    }
    socket = "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext"
    return {
        "name": f"{rule.host}:{rule.port}",
        "filter_chain_match": {"transport_protocol": "tls", "server_names": [rule.host]},
        "transport_socket": extension("envoy.transport_sockets.tls", socket, common_tls_context=tls),
        "filters": [_inspecting_manager(settings, rule)],
        **_CHAIN,
    }


def _inspecting_manager(settings: HostSettings, rule: EgressRule) -> Json:
    filters = [
        _one_name(rule),
        discovered(names.SESSIONS),
        discovered(names.REQUESTS),
        *_injection(rule),
        *([] if settings.upstream_proxy else [_looked_up(settings)]),
        _router(),
    ]
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": chain.dial(rule) if settings.upstream_proxy else clusters.INSPECTED, "timeout": "0s"},
        "request_headers_to_remove": list(_FORWARDING_HEADERS),
    }
    return _manager(
        "inspect",
        codec_type="AUTO",
        strip_any_host_port=True,
        http2_protocol_options={"max_concurrent_streams": 100},
        server_header_transformation="PASS_THROUGH",
        route_config=_routes("inspect", ["*"], [route]),
        http_filters=filters,
        local_reply_config=_refusal(settings),
        access_log=access_log.requests(settings.places.egress_log),
    )


def _looked_up(settings: HostSettings) -> Json:
    forward = "envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig"
    dns_cache = clusters.dns_cache(settings.egress)
    return extension(
        "envoy.filters.http.dynamic_forward_proxy", forward, dns_cache_config=dns_cache, allow_dynamic_host_from_filter_state=True
    )


def _one_name(rule: EgressRule) -> Json:
    """The chain was chosen by SNI: the CONNECT's target and the request's host must be the same."""
    not_host = verdict(names.HOST_IS_NOT_SNI, allow=False)
    same_host = choose(header(":authority"), {rule.host: verdict("allow/one-name", allow=True)}, not_host)
    not_connect = verdict(names.SNI_IS_NOT_CONNECT_HOST, allow=False)
    tree = choose(state(AUTHORITY), {f"{rule.host}:{rule.port}": same_host}, not_connect)
    return extension("one_name", HTTP_RBAC, **tree)


def _injection(rule: EgressRule) -> list[Json]:
    """Puts the credential over whatever the sandbox sent; with no value yet, requests are refused."""
    if not rule.credential:
        return []
    prefix = {"header_value_prefix": rule.credential.prefix} if rule.credential.prefix else {}
    generic = extension(
        "envoy.http.injected_credentials.generic",
        "envoy.extensions.http.injected_credentials.generic.v3.Generic",
        credential={"name": names.credential(rule.credential.name), "sds_config": ADS},
        header=rule.credential.header,
        **prefix,
    )
    kind = "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector"
    return [extension("envoy.filters.http.credential_injector", kind, overwrite=True, credential=generic)]


# --- the way to the session gateway ----------------------------------------------------------------------------------------


def gateway(settings: HostSettings) -> Json:
    """Plain HTTP to the session gateway's socket, with the link's address in `x-domicile-source`, whatever the sandbox sent there."""
    address, port = str(settings.network.proxy_address), settings.network.gateway_port
    source = {"key": "x-domicile-source", "value": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"}
    retry = {"retry_on": "connect-failure", "num_retries": 4, "retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}}
    route = {
        "match": {"prefix": "/"},
        "route": {"cluster": clusters.GATEWAY, "timeout": "0s", "idle_timeout": "0s", "retry_policy": retry},
        "request_headers_to_add": [{"header": source, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}],
        "request_headers_to_remove": [*_FORWARDING_HEADERS, "x-envoy-external-address", "x-forwarded-client-cert"],
    }
    early = "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    envoys_own = {"remove_on_match": {"key_matcher": {"prefix": "x-envoy-", "ignore_case": True}}}
    error = {"type": "api_error", "message": "the session gateway didn't answer this: %RESPONSE_CODE_DETAILS%"}
    manager = _manager(
        "gateway",
        codec_type="HTTP1",
        early_header_mutation_extensions=[extension("envoy.http.early_header_mutation.header_mutation", early, mutations=[envoys_own])],
        route_config=_routes("gateway", [f"{address}:{port}", address], [route]),
        http_filters=[_router()],
        local_reply_config={"body_format": {"json_format": {"type": "error", "error": error}}},
        access_log=access_log.unanswered(settings.places.egress_log),
    )
    return _outer("gateway", settings, port, manager)


# --- what they share -------------------------------------------------------------------------------------------------------


def _manager(name: str, **fields: Any) -> Json:
    """An HTTP connection manager that takes one meaning of a path, trusts no forwarding header and bounds what a client may send."""
    strict: Json = {
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "max_request_headers_kb": 32,
        "request_headers_timeout": "5s",
        "stream_idle_timeout": "0s" if name == "gateway" else "300s",
        "common_http_protocol_options": _BOUNDS,
        "use_remote_address": True,
        "skip_xff_append": True,
        "internal_address_config": {"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        "generate_request_id": False,
    }
    return {"name": "http", "typed_config": message(MANAGER, stat_prefix=name, **{**strict, **fields})}


def _routes(name: str, domains: list[str], routes: list[Json]) -> Json:
    return {"name": name, "virtual_hosts": [{"name": name, "domains": domains, "routes": routes}]}


def _router() -> Json:
    return extension("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", suppress_envoy_headers=True)


def _remembering(*values: Json) -> Json:
    return extension("remember", HTTP_STATE, clear_route_cache=True, on_request_headers=list(values))


def _outer(name: str, settings: HostSettings, port: int, manager: Json) -> Json:
    """A listener that sandboxes reach."""
    limit = "envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit"
    bound = extension("envoy.filters.network.connection_limit", limit, stat_prefix=name, max_connections=_MAX_CONNECTIONS)
    address = {"address": str(settings.network.proxy_address), "port_value": port}
    return {"name": name, "address": {"socket_address": address}, "filter_chains": [{"filters": [bound, manager], **_CHAIN}], **_LISTENER}


def _inner(name: str, settings: HostSettings, chains: list[Json]) -> Json:
    """A listener inside Envoy, reached from `ingress` only. What isn't TLS, or has no chain, ends here."""
    return {
        "name": name,
        "internal_listener": {},
        "listener_filters": [extension("envoy.filters.listener.tls_inspector", TLS_INSPECTOR)],
        "filter_chains": chains,
        "access_log": access_log.strays(settings.places.egress_log, f"{name.split('-')[0]}-listener"),
        **_LISTENER,
    }
