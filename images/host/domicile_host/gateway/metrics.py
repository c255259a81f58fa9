"""The gateway's figures, as Prometheus reads them from `GET /metrics` on the control socket."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """All of them, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "domicile_gateway_requests", "Requests of sandboxes that were answered", ["route", "status"], registry=self.registry
        )
        self.refusals = Counter("domicile_gateway_refusals", "Requests refused, by rule", ["rule"], registry=self.registry)
        self.results = Counter(
            "domicile_gateway_results",
            "Posted tool results: accepted, rejected (by the control plane), unknown (no answer), repeated (answered here)",
            ["outcome"],
            registry=self.registry,
        )
        self.calls = Counter("domicile_gateway_tool_calls", "Tool calls seen, of any tool", registry=self.registry)
        self.bindings = Gauge("domicile_gateway_bindings", "Sessions bound now", registry=self.registry)
        self.streams = Gauge("domicile_gateway_streams", "Event streams open now", registry=self.registry)
        self.journal_failures = Counter("domicile_gateway_journal_failures", "Records that couldn't be written", registry=self.registry)
        self.upstream_seconds = Histogram(
            "domicile_gateway_upstream_seconds",
            "Time to the control plane's response headers",
            ["method"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
            registry=self.registry,
        )
