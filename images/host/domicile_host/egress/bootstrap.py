"""Envoy's bootstrap and command line, rendered from the host's settings by provisioning. Needs neither Envoy nor its protocol packages.

Listeners and clusters are in the bootstrap; what changes while it runs (sessions, rules, certificates, credentials) comes over ADS
from `PolicyServer`. So the file changes, and Envoy has to be replaced, only with ports, inspected hosts or the places of things.
"""

from __future__ import annotations

from pathlib import Path

from domicile_host.egress import clusters, listeners
from domicile_host.egress.envoy import Json, extension
from domicile_host.settings import HostSettings

CONCURRENCY = 2
LOG_FLUSH_MILLISECONDS = 200
MAX_CONNECTIONS = 40_000
MAX_HEAP_BYTES = 1 << 30


def render(settings: HostSettings) -> Json:
    """The bootstrap, to be written as JSON. Expects a policy that `policy.check` has passed."""
    internal = "envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
    return {
        "node": {"id": settings.host, "cluster": settings.stack},
        "admin": {"address": {"pipe": {"path": str(settings.places.envoy_admin), "mode": 0o600}}},
        "bootstrap_extensions": [extension("envoy.bootstrap.internal_listener", internal)],
        "dynamic_resources": {"ads_config": _ads()},
        "static_resources": {
            "listeners": listeners.listeners(settings),
            "clusters": clusters.clusters(settings, listeners.internal_listeners(settings)),
        },
        "overload_manager": _overload(),
    }


def command(bootstrap_file: Path) -> list[str]:
    """Envoy's arguments, without the program itself. `bootstrap_file` is where Envoy finds what `render` gave."""
    return [
        *("--config-path", str(bootstrap_file)),
        *("--concurrency", str(CONCURRENCY)),
        "--disable-hot-restart",
        "--reject-unknown-dynamic-fields",
        *("--file-flush-min-size-kb", "0"),  # each line of the access log is written at once: a killed proxy owes none
        *("--file-flush-interval-msec", str(LOG_FLUSH_MILLISECONDS)),
        *("--drain-time-s", "5"),
        *("--log-level", "warning"),
        *("--component-log-level", "misc:error"),
    ]


def _ads() -> Json:
    """The dispatcher's socket, tried again within a second after the dispatcher was away."""
    again = {"retry_back_off": {"base_interval": "0.1s", "max_interval": "1s"}}
    service = {"envoy_grpc": {"cluster_name": clusters.ADS, "retry_policy": again}}
    return {"api_type": "GRPC", "transport_api_version": "V3", "grpc_services": [service]}


def _overload() -> Json:
    connections = "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig"
    heap = "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"
    fixed_heap = "envoy.resource_monitors.fixed_heap"
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [
            extension(
                "envoy.resource_monitors.global_downstream_max_connections", connections, max_active_downstream_connections=MAX_CONNECTIONS
            ),
            extension(fixed_heap, heap, max_heap_size_bytes=MAX_HEAP_BYTES),
        ],
        "actions": [
            {"name": "envoy.overload_actions.stop_accepting_requests", "triggers": [{"name": fixed_heap, "threshold": {"value": 0.95}}]}
        ],
    }
