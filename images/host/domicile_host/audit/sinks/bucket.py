"""The locked archive of a region: records as objects of an S3 bucket, by host, source and chain.

    records/<host>/<source>/<chain>/<first sequence>-<last sequence>.jsonl    sealed records, as in the journal

An object is whole or not there. One that is written again after a lost answer is another version of the same bytes; nothing is overwritten
or removed, and this host couldn't. S3 asks for a checksum of what is put under a lock (S3 guide: Object Lock).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby

from domicile_host.audit.record import Sealed
from domicile_host.audit.sinks import Answer, UnavailableError
from domicile_host.aws.calls import Calls
from domicile_host.aws.role import AwsAway
from domicile_host.aws.signature import Scope
from domicile_host.settings import BucketSink


class Bucket:
    """A `Sink`. Whatever S3 refuses, waits: no record is one that it wouldn't take."""

    kind = "s3"
    most_records, most_bytes, window = 1000, 4 << 20, 1

    def __init__(self, settings: BucketSink) -> None:
        self.name, self._settings = settings.name, settings
        self._calls: Calls | None = None

    async def send(self, records: Sequence[Sealed]) -> Answer:
        """See `Sink.send`."""
        for key, body in _objects(records):
            await self._put(f"{self._settings.url}/{key}", body)
        return Answer()

    async def close(self) -> None:
        """See `Sink.close`."""
        if self._calls is not None:
            await self._calls.__aexit__()

    async def _put(self, url: str, body: bytes) -> None:
        if self._calls is None:
            of = self._settings
            self._calls = await Calls(Scope(of.region, "s3"), of.role_file, of.ca_file).__aenter__()
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        headers = {"content-type": "application/x-ndjson", "x-amz-checksum-sha256": checksum}
        try:
            answer = await self._calls.send("PUT", url, headers, body)
        except AwsAway as error:
            raise UnavailableError(str(error)) from error
        if answer.status != 200:
            raise UnavailableError(f"HTTP {answer.status} {answer.body[:300].decode(errors='replace')}")


def _objects(records: Sequence[Sealed]) -> Iterator[tuple[str, bytes]]:
    for chain, group in groupby(records, key=lambda sealed: sealed.head.chain):
        run = list(group)
        first, last, record = run[0].head.sequence, run[-1].head.sequence, run[0].record
        body = b"".join(sealed.line + b"\n" for sealed in run)
        yield f"records/{record.host}/{record.source}/{chain}/{first:020}-{last:020}.jsonl", body
