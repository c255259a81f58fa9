"""The dispatcher's Prometheus metrics, in a registry of their own; `status` serves them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics; names begin with `domicile_dispatcher_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.polls = self._counter("polls", "Queue polls by result", "result")
        self.sessions = self._counter("sessions_ended", "Sessions ended by cause", "cause")
        self.heartbeats = self._counter("heartbeats", "Lease heartbeats by result", "result")
        self.sandbox_failures = self._counter("sandbox_failures", "Sandboxes that couldn't be made")
        self.adopted = self._counter("sessions_adopted", "Sessions taken over from an earlier dispatcher")
        self.unowned = self._gauge("unowned", "Containers and namespaces of this stack that this host can't prove to own")
        self.sandboxes = self._gauge("sandboxes", "Sandboxes by state", "state")
        self.connected = self._gauge("connected", "1 while the other part answers", "part")
        self.drills = self._counter("drills", "Drills held, by result", "result")
        self.drill_passed = self._gauge("drill_passed_timestamp_seconds", "When a drill last passed")
        self.bound = self._histogram("claim_to_bound_seconds", "From a poll's answer to the session's item given out")
        self.made = self._histogram("sandbox_made_seconds", "From nothing to a started sandbox")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"domicile_dispatcher_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"domicile_dispatcher_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"domicile_dispatcher_{name}", text, buckets=SECONDS, registry=self.registry)
