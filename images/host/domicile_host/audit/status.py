"""What the shipper shows on its status socket: `/healthz`, `/metrics` (Prometheus) and `/status` (a `Status`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from pydantic import BaseModel, ConfigDict, Field

from domicile_host.audit.archive import Archive, Protection
from domicile_host.audit.reader import head_of, sources
from domicile_host.audit.record import NotSealedError

if TYPE_CHECKING:
    from domicile_host.audit.carrier import Carrier
    from domicile_host.audit.shipper import Shipper

_LABELS = ("source", "destination")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class JournalStatus(_Model):
    """One source."""

    source: str
    sequence: int = Field(description="of the last record on disk")


class DestinationStatus(_Model):
    """One sink, or the archive."""

    name: str
    kind: str
    confirmed: dict[str, int] = Field(description="by source: every record up to this sequence is confirmed or among the refused")
    lag: int = Field(description="records on disk beyond that, all sources together")
    refused: int = Field(description="records that the sink won't take; they are kept beside its cursor")
    faults: int = Field(description="places where a journal doesn't go on as it should, seen since the shipper started")
    missing: int = Field(description="records known to be missing from journals, seen since the shipper started")
    last_error: str | None = Field(description="what it waits for now")


class ArchiveStatus(DestinationStatus):
    """The archive."""

    path: str
    protection: Protection = Field(description="how closed segments are kept from being changed")


class Status(_Model):
    """The shipper's state."""

    journals: list[JournalStatus]
    sinks: list[DestinationStatus]
    archive: ArchiveStatus


async def start(shipper: Shipper) -> web.AppRunner:
    """Serves the shipper's state on its socket until the runner is cleaned up."""
    registry = CollectorRegistry()
    registry.register(_Metrics(shipper))

    async def healthz(_: web.Request) -> web.Response:
        wrong = [f"{source}: {error}" for (source, name), error in shipper.last_errors.items() if name == "archive"]
        return web.Response(text="\n".join(wrong) or "ok", status=503 if wrong else 200)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), content_type="text/plain", charset="utf-8")

    async def show(_: web.Request) -> web.Response:
        return web.Response(text=snapshot(shipper).model_dump_json(), content_type="application/json")

    application = web.Application()
    application.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics), web.get("/status", show)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    socket = shipper.settings.places.shipper_status
    socket.parent.mkdir(parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)
    await web.UnixSite(runner, str(socket)).start()
    socket.chmod(0o660)
    return runner


def snapshot(shipper: Shipper) -> Status:
    """The shipper's state now."""
    folder = shipper.settings.audit.journal
    ends = {source: _end(shipper, source) for source in sources(folder)}
    shown = {
        destination.name: _destination(shipper, destination.name, destination.sink.kind if destination.sink else "archive", ends)
        for destination in shipper.destinations
    }
    archive = shown.pop("archive")
    archives = [carrier.sink for carrier in shipper.carriers.values() if isinstance(carrier.sink, Archive)]
    weakest: Protection = min((found.protection for found in archives), key=_STRENGTH.index, default="none yet")
    return Status(
        journals=[JournalStatus(source=source, sequence=sequence) for source, sequence in ends.items()],
        sinks=list(shown.values()),
        archive=ArchiveStatus(**archive.model_dump(), path=str(shipper.settings.audit.archive), protection=weakest),
    )


_STRENGTH: tuple[Protection, ...] = ("read-only mode", "immutable flag", "none yet")


def _end(shipper: Shipper, source: str) -> int:
    try:
        return head_of(shipper.settings.audit.journal / source).sequence
    except (NotSealedError, OSError):  # its carriers tell what is wrong with it
        return 0


def _destination(shipper: Shipper, name: str, kind: str, ends: dict[str, int]) -> DestinationStatus:
    carriers = [carrier for (_, destination), carrier in shipper.carriers.items() if destination == name]
    confirmed = {carrier.source: _sequence(carrier) for carrier in carriers}
    errors = [f"{source}: {error}" for (source, destination), error in shipper.last_errors.items() if destination == name]
    return DestinationStatus(
        name=name,
        kind=kind,
        confirmed=confirmed,
        lag=sum(max(0, end - confirmed.get(source, 0)) for source, end in ends.items()),
        refused=sum(len(carrier.dead) for carrier in carriers),
        faults=sum(sum(carrier.tally.faults.values()) for carrier in carriers),
        missing=sum(carrier.tally.missing for carrier in carriers),
        last_error="; ".join(errors) or None,
    )


def _sequence(carrier: Carrier) -> int:
    return carrier.place.head.sequence if carrier.place.head else 0


class _Metrics(Collector):
    """Counts as Prometheus reads them, made anew for each reading."""

    def __init__(self, shipper: Shipper) -> None:
        self._shipper = shipper

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client`."""
        yield from self._counters()
        state = snapshot(self._shipper)
        sequence = GaugeMetricFamily("domicile_audit_sequence", "Last record on disk", labels=["source"])
        for journal in state.journals:
            sequence.add_metric([journal.source], journal.sequence)
        yield sequence
        lag = GaugeMetricFamily("domicile_audit_lag_records", "Records on disk that a destination lacks", labels=["destination"])
        for destination in [state.archive, *state.sinks]:
            lag.add_metric([destination.name], destination.lag)
        yield lag

    def _counters(self) -> Iterator[Metric]:
        told = {
            "confirmed": "Records confirmed",
            "refused": "Records that a destination won't take",
            "missing": "Records known to be missing from a journal",
            "retries": "Times that a destination had to be waited for",
        }
        for name, documentation in told.items():
            counter = CounterMetricFamily(f"domicile_audit_{name}", documentation, labels=_LABELS)
            for pair, carrier in self._shipper.carriers.items():
                counter.add_metric(pair, getattr(carrier.tally, name))
            yield counter
        faults = CounterMetricFamily(
            "domicile_audit_faults", "Places where a journal doesn't go on as it should", labels=(*_LABELS, "kind")
        )
        for pair, carrier in self._shipper.carriers.items():
            for kind, count in carrier.tally.faults.items():
                faults.add_metric((*pair, kind), count)
        yield faults
