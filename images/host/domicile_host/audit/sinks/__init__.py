"""SIEM sinks: what the shipper asks of one, and which class serves which kind of setting.

A new kind is one module with a class that has `Sink`'s four members and one method, and one line in `make`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from domicile_host.audit.record import Sealed
from domicile_host.settings import BucketSink, OtlpSink, SplunkHecSink
from domicile_host.settings import Sink as SinkSettings


@dataclass(frozen=True, slots=True)
class Answer:
    """What a sink said of a batch, item by item, by the item's place in the batch. What is in neither part is confirmed."""

    refused: Mapping[int, str] = field(default_factory=dict)
    """Not accepted for what it is: trying again won't help."""
    later: Mapping[int, str] = field(default_factory=dict)
    """Not accepted now."""


class UnavailableError(Exception):
    """The sink doesn't accept anything now; nothing of the batch is known to be confirmed. Also a wrong token or address: an operator
    mends it, and until then the journal keeps everything."""

    def __init__(self, reason: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds


class RefusedError(Exception):
    """The sink refused a batch for its content, or some unnamed part of it; with `index`, because of that item."""

    def __init__(self, reason: str, index: int | None = None) -> None:
        super().__init__(reason)
        self.index = index


class Sink(Protocol):
    """One place that records are carried to."""

    name: str
    kind: str
    most_records: int
    """How many records it takes at once."""
    most_bytes: int
    """How many bytes of records it takes at once; a single larger record is still offered."""
    window: int
    """How many batches of one journal may be on their way at once."""

    async def send(self, records: Sequence[Sealed]) -> Answer:
        """Offers `records`; returns once the sink has durably taken what the answer doesn't exclude.

        May be given a record again: records carry an id. Raises `UnavailableError`, `RefusedError`.
        """

    async def close(self) -> None:
        """Gives connections free."""


def make(settings: SinkSettings, credentials: Path, proxy: str | None = None) -> Sink:
    """The sink of `settings`, with its credential in a file of `credentials` that is read each time, so that rotation needs no restart.

    `proxy`: the HTTP proxy that leads to it, if any.
    """
    from domicile_host.audit.sinks.bucket import Bucket
    from domicile_host.audit.sinks.otlp import Otlp
    from domicile_host.audit.sinks.splunk_hec import SplunkHec

    match settings:
        case OtlpSink():
            return Otlp(settings, credentials, proxy)
        case SplunkHecSink():
            return SplunkHec(settings, credentials, proxy)
        case BucketSink():
            return Bucket(settings)
