"""Services that read hostile bytes may be taken over: what they then write stops neither the shipper nor anyone else's records."""

from __future__ import annotations

import hashlib
import json

import pytest

from domicile_host.audit import Event
from domicile_host.audit.record import GENESIS, Head, NotSealedError, Origin, seal, unseal


def forged(head: Head, **changes) -> bytes:
    """A line whose hash is right and whose content is not."""
    line = seal(Event(activity="gateway.call"), head, Origin("test", "host-a", "gateway"), 1).line
    fields = {key: value for key, value in json.loads(line).items() if key != "hash"} | changes
    body = json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
    return body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}'


@pytest.mark.parametrize(
    "changes",
    [{"outcome": "splendid"}, {"time": "now"}, {"sequence": "2"}, {"detail": None}, {"more": 1}, {"id": "\ud800"}, {"chain": ["x"]}],
    ids=str,
)
def test_a_line_with_a_right_hash_and_wrong_content_is_no_record(changes):
    with pytest.raises(NotSealedError):
        unseal(forged(GENESIS, **changes))


def test_a_line_nested_beyond_all_bounds_is_no_record():
    body = b'{"detail":' + b"[" * 100_000 + b"}"
    with pytest.raises(NotSealedError):
        unseal(body[:-1] + b',"hash":"' + hashlib.sha256(body).hexdigest().encode() + b'"}')


async def test_forged_records_are_kept_apart_and_what_others_write_arrives(host, otlp):
    host.otlp(otlp.url)
    await host.fill(range(3))
    await host.fill(range(3), source="dispatcher")
    (segment,) = (host.folder / "journal" / "gateway").glob("*.jsonl")
    lines = segment.read_bytes().splitlines()
    head = unseal(lines[-1]).head
    speaks_for_another = seal(Event(activity="session.ended"), head, Origin("test", "host-a", "dispatcher"), 1).line
    segment.write_bytes(b"\n".join([*lines, forged(head, outcome="splendid"), speaks_for_another, b"[" * 200_000, b"\xff\0", b""]))
    await host.start()
    await otlp.until(lambda: sum(record["activity"].startswith("journal.") for record in otlp.records.values()) >= 8)
    assert otlp.sequences("dispatcher") == otlp.sequences("gateway") == [1, 2, 3]
    assert "session.ended" not in {record["activity"] for record in otlp.records.values()}
    assert await host.stop() == 0
    kept = (host.folder / "cursors" / "collector" / "gateway.refused.jsonl").read_bytes().splitlines()
    assert {json.loads(line)["id"].partition("-")[0] for line in kept} == {"damaged", "foreign"}


async def test_any_line_of_the_access_log_becomes_a_record(host, otlp):
    host.otlp(otlp.url)
    lines = [
        b"[" * 100_000,
        b'{"path":"\\ud800"}',
        b'{"ts":"0001-01-01T00:00:00Z","code":' + b"9" * 5000 + b"}",
        b"\xff\xfe",
        b"null",
        b'{"a":NaN}',
    ]
    lines.append(b'{"ts":"0001-01-01T00:00:00Z","layer":["x"],"rule":{"deny/":1},"code":"x","session":5,"path":"/end"}')
    host.egress_log.write_bytes(b"\n".join([*lines, b""]))
    await host.start()
    await otlp.until(lambda: otlp.events("path", "egress") == {"/end": 1})
    await otlp.until(lambda: len(otlp.sequences("egress")) == len(lines))
    assert await host.stop() == 0
