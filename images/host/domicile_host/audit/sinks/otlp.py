"""OpenTelemetry over HTTP with JSON bodies: one log record for each of ours, its body the sealed line itself, so that its hash can be
checked.

OTLP 1.x: `partialSuccess` counts rejected records without saying which, so a batch with any is refused as a whole and the carrier
finds them. The specification would have senders drop records on most 4xx answers; an audit trail waits instead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domicile_host.audit.record import Sealed
from domicile_host.audit.sinks import Answer, RefusedError
from domicile_host.audit.sinks.http import HttpClient, judge
from domicile_host.settings import OtlpSink

# OpenTelemetry log data model: INFO is 9, WARN 13.
_SEVERITIES = {"success": (9, "INFO"), "allowed": (9, "INFO"), "failure": (13, "WARN"), "refused": (13, "WARN")}
_ATTRIBUTES = ("source", "chain", "outcome", "session_id", "work_id", "sandbox_id")


class Otlp:
    """A `Sink` for any OTLP/HTTP receiver."""

    kind = "otlp"
    most_records, most_bytes, window = 500, 1 << 20, 4

    def __init__(self, settings: OtlpSink, credentials: Path, proxy: str | None = None) -> None:
        """`credentials` is the folder that holds the header's value."""
        self.name, self._settings = settings.name, settings
        self._client = HttpClient(settings.url, settings.ca_file, credentials, proxy)

    async def send(self, records: Sequence[Sealed]) -> Answer:
        """See `Sink.send`."""
        name = self._settings.headers_from
        headers = {"authorization": self._client.credential(name)} if name else {}
        response = await self._client.post("/v1/logs", _body(records), headers)
        judge(response)
        rejected, message = _rejected(response.body)
        if rejected:
            raise RefusedError(message or f"{rejected} of {len(records)} log records rejected")
        return Answer()

    async def close(self) -> None:
        """See `Sink.close`."""
        await self._client.close()


def _body(records: Sequence[Sealed]) -> bytes:
    first = records[0].record
    resource = {"service.name": "domicile", "service.namespace": first.stack, "host.name": first.host}
    logs = {"scope": {"name": "domicile.audit"}, "logRecords": [_log_record(sealed) for sealed in records]}
    return json.dumps({"resourceLogs": [{"resource": {"attributes": _attributes(resource)}, "scopeLogs": [logs]}]}).encode()


def _log_record(sealed: Sealed) -> dict[str, Any]:
    record = sealed.record
    number, text = _SEVERITIES[record.outcome]
    attributes: dict[str, Any] = {"log.record.uid": record.id, "domicile.sequence": record.sequence}
    attributes |= {f"domicile.{name}": value for name in _ATTRIBUTES if (value := getattr(record, name))}
    return {
        "timeUnixNano": str(record.time * 1_000_000),
        "severityNumber": number,
        "severityText": text,
        "eventName": record.activity,
        "body": {"stringValue": sealed.line.decode()},
        "attributes": _attributes(attributes),
    }


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]


def _rejected(body: bytes) -> tuple[int, str]:
    """`partialSuccess.rejectedLogRecords` (an int64, so JSON may carry it as a string) and its message; an empty body is full success."""
    try:
        partial = json.loads(body or b"{}").get("partialSuccess") or {}
        return int(partial.get("rejectedLogRecords") or 0), str(partial.get("errorMessage") or "")
    except (ValueError, AttributeError, TypeError):
        return 0, ""
