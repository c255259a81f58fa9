"""The proxy's record of its decisions: one JSON object a line, the same fields at each layer.

The shipper reads it; `tunnel` ties the layers of one CONNECT together. A layer is `connect` (the door), `tunnel` and `inspect`
(behind it), `…-listener` (connections that found no filter chain) or `gateway` (what never reached the session gateway).
"""

from __future__ import annotations

from pathlib import Path

from domicile_host.egress.envoy import AUTHORITY, RULE, RULE_ID, SESSION, SOURCE, TUNNEL, Json, extension, known, where

_CONNECTION = {
    "ts": "%START_TIME%",
    "ev": "%ACCESS_LOG_TYPE%",
    "tunnel": known(TUNNEL),
    "session": known(SESSION),
    "src": known(SOURCE),
    "rule": known(RULE),
    "sni": "%REQUESTED_SERVER_NAME%",
    "chost": known(AUTHORITY),
    "up_bytes": "%BYTES_RECEIVED%",
    "down_bytes": "%BYTES_SENT%",
    "upstream": "%UPSTREAM_REMOTE_ADDRESS%",
    "flags": "%RESPONSE_FLAGS%",
    "ms": "%DURATION%",
    "why": "%CONNECTION_TERMINATION_DETAILS%",
    "upfail": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
}

_REQUEST = {
    "method": "%REQ(:METHOD)%",
    "authority": "%REQ(:AUTHORITY)%",
    "path": "%PATH(NQ:PATH)%",
    "code": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
}


def connections(file: Path) -> list[Json]:
    """Logs each tunnel whose TLS stays closed."""
    return _log(file, {"layer": "tunnel", **_CONNECTION})


def strays(file: Path, layer: str) -> list[Json]:
    """Logs connections that found no filter chain: no TLS, or a name that isn't inspected."""
    only = {"response_flag_filter": {"flags": ["NR"]}}
    return [log | {"filter": only} for log in _log(file, {"layer": layer, **_CONNECTION})]


def connects(file: Path) -> list[Json]:
    """Logs each CONNECT twice: when its tunnel is established and when it ends. The rule is the one that decided here."""
    return _log(file, {"layer": "connect", **_CONNECTION, **_REQUEST, "rule": RULE_ID, "enforced": RULE_ID})


def requests(file: Path) -> list[Json]:
    """Logs each request inside an inspected tunnel; `rule` opened the tunnel, `enforced` judged the request."""
    return _log(file, {"layer": "inspect", **_CONNECTION, **_REQUEST, "enforced": RULE_ID})


def unanswered(file: Path) -> list[Json]:
    """Logs requests to the session gateway that Envoy itself answered; the gateway records its own."""
    fields = {"layer": "gateway", **_CONNECTION, **_REQUEST, "src": "%DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%"}
    reached_nobody = where("response.code_details != 'via_upstream'")
    return [log | {"filter": reached_nobody} for log in _log(file, fields)]


def _log(file: Path, fields: Json) -> list[Json]:
    kind = "envoy.extensions.access_loggers.file.v3.FileAccessLog"
    return [extension("envoy.access_loggers.file", kind, path=str(file), log_format={"json_format": fields})]
