"""The shipper: every record reaches the archive and each sink at least once, whatever is killed, down, refused or slow."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path

import pytest

WRITER = Path(__file__).with_name("writer.py")


def confirmed(count: int, source: str = "gateway"):
    """A condition of the status: archive and all sinks have everything up to `count` of a source."""
    return lambda state: all(place["confirmed"].get(source) == count for place in [*state["sinks"], state["archive"]])


async def test_every_record_reaches_archive_and_sinks_and_the_status_says_so(host, otlp, hec):
    host.otlp(otlp.url)
    host.hec(hec.url)
    await host.fill(range(3000))
    await host.start()
    await host.until(confirmed(3000))
    state = await host.until(lambda state: not any(place["lag"] for place in [*state["sinks"], state["archive"]]))
    assert otlp.events() == hec.events() == dict.fromkeys(range(3000), 1)
    assert set(otlp.received.values()) == set(hec.received.values()) == {1}
    assert {"source": "gateway", "sequence": 3000} in state["journals"]
    assert [(sink["name"], sink["kind"], sink["last_error"]) for sink in state["sinks"]] == [
        ("collector", "otlp", None),
        ("splunk", "splunk-hec", None),
    ]
    assert (await host.get("/healthz"))[0] == 200
    _, metrics = await host.get("/metrics")
    assert 'domicile_audit_confirmed_total{destination="splunk",source="gateway"} 3000.0' in metrics
    assert await host.stop() == 0
    assert [record["detail"]["n"] for record in host.archived()] == list(range(3000))
    (segment,) = (host.folder / "archive" / "gateway").glob("*/0*.jsonl")
    assert segment.stat().st_mode & 0o222 == 0


async def test_a_record_is_on_its_way_within_moments_and_drains_at_the_end(host, otlp):
    host.otlp(otlp.url)
    await host.start()
    await host.until(lambda state: "shipper" in state["sinks"][0]["confirmed"])
    await host.fill(range(5))
    await otlp.until(lambda: len(otlp.events()) == 5, seconds=10)
    assert await host.stop() == 0
    assert {record["activity"] for record in host.archived("shipper")} >= {"service.started", "service.stopped"}


async def test_the_shipper_killed_at_random_moments_loses_nothing(host, otlp, hec):
    host.otlp(otlp.url)
    host.hec(hec.url)
    arguments = [sys.executable, str(WRITER), str(host.folder / "journal"), "gateway", "0", "6000", "20"]
    writer = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.DEVNULL)
    random_ = random.Random(3)
    for _ in range(6):
        await host.start()
        await asyncio.sleep(random_.uniform(0.5, 1.6))  # the moment of the kill is the point
        await host.kill()
    assert await writer.wait() == 0
    await host.start()
    await host.until(confirmed(6000))
    assert await host.stop() == 0
    for sink in (otlp, hec):
        assert sink.sequences("gateway") == list(range(1, 6001))
    archived = host.archived()
    assert [record["sequence"] for record in archived] == list(range(1, 6001))
    assert host.archived("shipper")[-1]["activity"] == "service.stopped"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 503])
async def test_a_sink_that_answers_an_error_for_a_while_gets_everything_later(host, otlp, hec, status):
    host.otlp(otlp.url)
    host.hec(hec.url)
    otlp.outage = hec.outage = status
    otlp.retry_after = hec.retry_after = "1" if status in (429, 503) else None
    await host.fill(range(700))
    await host.start()
    await host.until(lambda state: all(sink["last_error"] for sink in state["sinks"]))
    await asyncio.gather(*(sink.until(lambda sink=sink: sink.refused >= 3) for sink in (otlp, hec)))
    otlp.outage = hec.outage = None
    state = await host.until(confirmed(700))
    assert [sink["refused"] for sink in state["sinks"]] == [0, 0]
    assert otlp.events() == hec.events() == dict.fromkeys(range(700), 1)


@pytest.mark.parametrize("kind", ["otlp", "hec"])
async def test_poison_records_end_among_the_refused_and_hold_nothing_up(host, otlp, hec, kind):
    sink = {"otlp": otlp, "hec": hec}[kind]
    getattr(host, kind)(sink.url, name="sink")
    poison = {0, 3, 4, 555}
    sink.poison = lambda record: record["detail"].get("n") in poison
    await host.fill(range(1000))
    await host.start()
    state = await host.until(confirmed(1000))
    assert state["sinks"][0]["refused"] == len(poison)
    assert set(sink.events()) == set(range(1000)) - poison
    letters = [json.loads(line) for line in (host.folder / "cursors" / "sink" / "gateway.refused.jsonl").read_bytes().splitlines()]
    assert {json.loads(letter["line"])["detail"]["n"] for letter in letters} == poison
    await sink.until(lambda: len([r for r in sink.records.values() if r["activity"] == "sink.record-refused"]) == len(poison))
    _, metrics = await host.get("/metrics")
    assert f'domicile_audit_refused_total{{destination="sink",source="gateway"}} {len(poison)}.0' in metrics


async def test_a_poison_record_alone_waits_for_proof_that_the_sink_takes_others(host, otlp):
    host.otlp(otlp.url)
    otlp.poison = lambda record: record["source"] == "shipper" or record["detail"].get("n") == 0
    await host.fill([0])
    await host.start()
    state = await host.until(lambda state: "attribute too long" in (state["sinks"][0]["last_error"] or ""))
    assert state["sinks"][0]["refused"] == 0
    await host.fill([1])
    await host.until(confirmed(2))
    assert set(otlp.events()) == {1}


async def test_a_dead_sink_holds_nothing_but_itself(host, otlp, hec):
    host.otlp(otlp.url)
    host.hec("http://127.0.0.1:9", name="dead")
    await host.fill(range(500))
    await host.start()
    state = await host.until(lambda state: state["sinks"][0]["confirmed"].get("gateway") == 500)
    await host.until(lambda state: state["archive"]["confirmed"].get("gateway") == 500)
    assert state["sinks"][1]["lag"] >= 500
    assert (await host.get("/healthz"))[0] == 200


async def test_records_that_the_indexers_lose_are_sent_again(host, hec, monkeypatch):
    host.hec(hec.url)
    hec.lose = 1
    await host.fill(range(50))
    await host.start()
    await hec.until(lambda: any(acks.get(0, ()) is None for acks in hec.indexing.values()))
    await hec.stop()  # the collector restarts: what it hadn't acknowledged must come again, on a new channel
    await host.until(lambda state: "no answer" in (state["sinks"][0]["last_error"] or ""))
    await hec.start(hec.port)
    await host.until(confirmed(50))
    assert set(hec.events()) == set(range(50))
    assert len(hec.indexing) > 1


async def test_a_collector_without_acknowledgement_gets_nothing_it_cannot_confirm(host, hec):
    host.hec(hec.url)
    hec.acknowledges = False
    await host.fill(range(5))
    await host.start()
    await host.until(lambda state: "acknowledge: false" in (state["sinks"][0]["last_error"] or ""))
    assert not hec.received


async def test_a_collector_that_is_said_not_to_acknowledge_is_believed(host, hec):
    host.hec(hec.url, acknowledge=False)
    hec.acknowledges = False
    await host.fill(range(5))
    await host.start()
    await host.until(confirmed(5))
    assert set(hec.events()) == set(range(5))


async def test_a_rotated_credential_is_used_without_a_restart(host, otlp):
    host.otlp(otlp.url)
    host.credential("otlp", "Bearer old")
    await host.fill(range(5))
    await host.start()
    await host.until(lambda state: "401" in (state["sinks"][0]["last_error"] or ""))
    host.credential("otlp", otlp.token)
    await host.until(confirmed(5))


async def test_a_sink_added_later_begins_at_the_oldest_record(host, otlp, hec):
    host.otlp(otlp.url)
    await host.fill(range(20))
    await host.start()
    await host.until(confirmed(20))
    await host.stop()
    host.hec(hec.url)
    await host.fill(range(20, 30))
    await host.start()
    await host.until(confirmed(30))
    assert set(hec.events()) == set(range(30))
    assert set(otlp.received.values()) == {1}


async def test_a_gap_in_a_journal_is_counted_recorded_and_does_not_stop_what_follows(host, otlp):
    host.otlp(otlp.url)
    await host.fill(range(30))
    (segment,) = (host.folder / "journal" / "gateway").glob("*.jsonl")
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join([*lines[:10], *lines[14:20], lines[20].replace(b'"n":20', b'"n":99'), *lines[21:]]))
    await host.start()
    state = await host.until(confirmed(30))
    assert state["sinks"][0]["missing"] == 4 + 1
    assert set(otlp.events()) == set(range(30)) - {10, 11, 12, 13, 20}
    faults = {"journal.missing", "journal.damaged"}
    await otlp.until(lambda: faults <= {record["activity"] for record in otlp.records.values()})
    _, metrics = await host.get("/metrics")
    assert 'domicile_audit_faults_total{destination="collector",kind="missing",source="gateway"} 2.0' in metrics
    assert b'"n\\":99' in (host.folder / "cursors" / "collector" / "gateway.refused.jsonl").read_bytes().replace(b'\\"n\\":', b'"n\\":')


async def test_a_journal_that_begins_anew_is_shipped_beside_the_old_one(host, otlp):
    host.otlp(otlp.url)
    await host.fill(range(10))
    await host.start()
    await host.until(confirmed(10))
    await host.stop()
    for path in (host.folder / "journal" / "gateway").glob("*.jsonl"):
        path.unlink()
    await host.fill(range(10, 14))
    await host.start()
    await host.until(confirmed(4))
    assert set(otlp.events()) == set(range(14))
    await host.stop()
    assert [record["detail"]["n"] for record in host.archived()] == list(range(14))
    assert len(list((host.folder / "archive" / "gateway").glob("*/manifest.jsonl"))) == 2
