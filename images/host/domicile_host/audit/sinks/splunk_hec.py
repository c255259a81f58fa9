"""Splunk's HTTP event collector: events in one body, and a record counts as confirmed once the indexers have acknowledged it.

Codes of the collector's answers: Splunk documentation, "Troubleshoot HTTP Event Collector", and "About HTTP Event Collector Indexer
Acknowledgment" for channels and `ackId`. Without acknowledgement a 200 means received, not indexed.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from domicile_host.audit.record import Sealed
from domicile_host.audit.sinks import Answer, RefusedError, UnavailableError
from domicile_host.audit.sinks.http import HttpClient, NoAnswerError, Response, judge
from domicile_host.settings import SplunkHecSink

EVENT_PATH, ACK_PATH = "/services/collector/event", "/services/collector/ack"
ACK_SECONDS = 120.0
FIRST_POLL_SECONDS, MOST_POLL_SECONDS = 0.05, 2.0
ACK_DISABLED = 14
CONTENT_CODES = frozenset({5, 6, 12, 13, 15})
"""No data, invalid format, event missing, event blank, error in indexed fields. Every other code of a 400 is about the settings."""


class SplunkHec:
    """A `Sink` for Splunk Enterprise and, with `acknowledge` off, Splunk Cloud."""

    kind = "splunk-hec"
    most_records, most_bytes, window = 500, 900 << 10, 6

    def __init__(self, settings: SplunkHecSink, credentials: Path, proxy: str | None = None) -> None:
        """`credentials` is the folder that holds the token."""
        self.name, self._settings = settings.name, settings
        self._client = HttpClient(settings.url, settings.ca_file, credentials, proxy)
        self._channel = str(uuid.uuid4())
        self._acknowledges = not settings.acknowledge
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._poller: asyncio.Task[None] | None = None

    async def send(self, records: Sequence[Sealed]) -> Answer:
        """See `Sink.send`."""
        if not self._acknowledges:
            await self._require_acknowledgement()
        channel = self._channel
        response = await self._post(EVENT_PATH, b"".join(self._event(record) for record in records))
        _judge(response)
        if self._settings.acknowledge:
            await self._acknowledged(_ack_id(response), channel)
        return Answer()

    async def close(self) -> None:
        """See `Sink.close`."""
        if self._poller:
            self._poller.cancel()
            await asyncio.gather(self._poller, return_exceptions=True)
        await self._client.close()

    def _event(self, sealed: Sealed) -> bytes:
        record = sealed.record
        about: dict[str, Any] = {
            "time": f"{record.time / 1000:.3f}",
            "host": record.host,
            "source": f"domicile:{record.source}",
            "sourcetype": "domicile:audit",
            "fields": {"id": record.id, "stack": record.stack, "chain": record.chain, "sequence": record.sequence},
        }
        if self._settings.index:
            about["index"] = self._settings.index
        return json.dumps(about).encode()[:-1] + b',"event":' + sealed.line + b"}"

    async def _post(self, path: str, body: bytes) -> Response:
        headers = {"Authorization": f"Splunk {self._client.credential(self._settings.token_from)}"}
        if self._settings.acknowledge:
            headers["X-Splunk-Request-Channel"] = self._channel
            path = f"{path}?channel={self._channel}"
        try:
            return await self._client.post(path, body, headers)
        except NoAnswerError as error:
            self._change_channel(error)
            raise

    def _change_channel(self, error: NoAnswerError) -> None:
        """A collector that restarts counts a channel's acknowledgements from 0 again: an old number must not be taken for a new one."""
        self._channel = str(uuid.uuid4())
        for done in self._waiting.values():
            if not done.done():
                done.set_exception(UnavailableError(f"not acknowledged before the collector went away: {error}"))
        self._waiting.clear()

    async def _require_acknowledgement(self) -> None:
        """Sends nothing to a token that can't confirm: everything would be sent again and again."""
        response = await self._post(ACK_PATH, b'{"acks":[0]}')
        if response.status == 400 and _code(response) == ACK_DISABLED:
            raise UnavailableError("the token has no indexer acknowledgement: turn it on at the collector, or set acknowledge: false")
        _judge(response)
        self._acknowledges = True

    async def _acknowledged(self, ack_id: int, channel: str) -> None:
        if channel != self._channel or ack_id in self._waiting:
            raise UnavailableError("the collector began its acknowledgements anew")
        done = self._waiting[ack_id] = asyncio.get_running_loop().create_future()
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(ACK_SECONDS):
                await done
        except TimeoutError as error:
            raise UnavailableError(f"the indexers have not acknowledged within {ACK_SECONDS:.0f} s") from error
        finally:
            if self._waiting.get(ack_id) is done:
                del self._waiting[ack_id]

    async def _poll(self) -> None:
        """Asks for all that is waited for at once; a poll that fails is made again until those who wait give up."""
        pause = FIRST_POLL_SECONDS
        while self._waiting:
            await asyncio.sleep(pause)
            pause = min(pause * 2, MOST_POLL_SECONDS)
            try:
                response = await self._post(ACK_PATH, json.dumps({"acks": sorted(self._waiting)}).encode())
                _judge(response)
            except (UnavailableError, RefusedError):
                continue
            if self._settle(response):
                pause = FIRST_POLL_SECONDS

    def _settle(self, response: Response) -> bool:
        indexed = [ack_id for ack_id, done in _acks(response).items() if done is True]
        for done in [self._waiting.pop(ack_id) for ack_id in indexed if ack_id in self._waiting]:
            if not done.done():
                done.set_result(None)
        return bool(indexed)


def _acks(response: Response) -> dict[int, Any]:
    try:
        return {int(key): value for key, value in json.loads(response.body)["acks"].items()}
    except (ValueError, KeyError, AttributeError, TypeError):
        return {}


def _field(response: Response, name: str) -> int | None:
    try:
        value = json.loads(response.body).get(name)
    except (ValueError, AttributeError):
        return None
    return value if isinstance(value, int) else None


def _code(response: Response) -> int | None:
    return _field(response, "code")


def _ack_id(response: Response) -> int:
    value = _field(response, "ackId")
    if value is None:
        raise UnavailableError("the collector took the events without an ackId, so they can't be confirmed; set acknowledge: false for it")
    return value


def _judge(response: Response) -> None:
    """Raises for what the collector's own code says; where it gives none, for the status."""
    code = _code(response)
    if response.status != 400 or code is None:
        judge(response)
    elif code in CONTENT_CODES:
        raise RefusedError(response.summary(), _field(response, "invalid-event-number"))
    else:
        raise UnavailableError(response.summary())
