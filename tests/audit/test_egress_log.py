"""Envoy's access log becomes records exactly once each: torn, rotated, cut or killed in the middle."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter

import pytest

from domicile_host.audit import Journal
from domicile_host.audit import egress_log as module
from domicile_host.audit.egress_log import EgressLog
from domicile_host.audit.envoy_events import event_of


def line(n: int, **more) -> bytes:
    """One line as Envoy's JSON format writes it."""
    fields = {"ts": f"2026-11-21T12:00:{n % 60:02}.125Z", "layer": "inspect", "session": "sesn_a", "rule": "allow/inspect/api.test:443"}
    fields |= {"enforced": "allow/request/api.test:443#0", "method": "GET", "authority": "api.test", "path": f"/{n}", "code": 200}
    fields |= {"details": "via_upstream", "up_bytes": 0, "down_bytes": n, "flags": "-", "why": None, "ms": 3, "src": "100.96.0.9"}
    return json.dumps(fields | more).encode() + b"\n"


class Tail:
    """The tail of a log, started and stopped as a process would be."""

    def __init__(self, folder):
        self.folder, self.path = folder, folder / "access.jsonl"

    async def take(self):
        journal = await Journal.open(self.folder / "egress", "egress", "host-a")
        log = EgressLog(self.path, journal)
        for _ in range(6):  # more turns than any test has files
            while await log.take():
                pass
        self.reclaims = log.reclaims
        log.close()
        await journal.close()

    def append(self, raw: bytes, path=None):
        with (path or self.path).open("ab") as file:
            file.write(raw)

    async def records(self):
        journal = await Journal.open(self.folder / "egress", "egress", "host-a")
        found = list(journal.read())
        await journal.close()
        return found

    async def paths(self) -> list[str]:
        return [record.detail["path"] for record in await self.records() if "path" in record.detail]


@pytest.fixture
def tail(tmp_path):
    return Tail(tmp_path)


async def test_a_restart_goes_on_after_the_last_sealed_line(tail):
    for n in range(5):
        tail.append(line(n))
        await tail.take()
    await tail.take()
    assert await tail.paths() == [f"/{n}" for n in range(5)]


async def test_a_torn_line_waits_for_its_end(tail):
    tail.append(line(0) + line(1)[:20])
    await tail.take()
    assert await tail.paths() == ["/0"]
    tail.append(line(1)[20:])
    await tail.take()
    assert await tail.paths() == ["/0", "/1"]


@pytest.mark.parametrize("cut", [1, 2, 17, 200])
async def test_a_line_torn_by_a_killed_proxy_is_recorded_and_does_not_swallow_the_next(tail, cut):
    tail.append(line(0) + line(1)[:cut] + line(2) + line(3))
    await tail.take()
    await tail.take()
    assert await tail.paths() == ["/0", "/2", "/3"]
    assert [record.activity for record in await tail.records()].count("egress.unreadable") == 1


async def test_a_log_rotated_by_renaming_is_read_to_its_end_first(tail):
    tail.append(line(0))
    await tail.take()
    rotated = tail.path.with_name("access.jsonl.1")
    tail.path.rename(rotated)
    tail.append(line(1), rotated)  # the proxy hasn't opened the new one yet
    await tail.take()
    tail.append(line(2), rotated)
    tail.append(line(3))
    await tail.take()
    tail.append(line(4))
    await tail.take()
    assert await tail.paths() == [f"/{n}" for n in range(5)]


async def test_logs_rotated_while_nobody_looked_are_read_in_their_order(tail):
    tail.append(line(0))
    await tail.take()
    tail.append(line(1))
    for number, name in ((2, "access.jsonl.2"), (3, "access.jsonl.1")):
        tail.path.rename(tail.path.with_name(name))
        os.utime(tail.path.with_name(name), ns=(0, tail.path.with_name(name).stat().st_mtime_ns))
        tail.append(line(number))
        os.utime(tail.path, ns=(0, tail.path.with_name(name).stat().st_mtime_ns + 1000))
    await tail.take()
    assert await tail.paths() == [f"/{n}" for n in range(4)]


async def test_a_log_in_the_place_of_another_with_its_inode_number_is_read_from_its_start(tail):
    tail.append(line(0) + line(1))
    await tail.take()
    with tail.path.open("r+b") as file:
        file.truncate(0)
        file.write(b"".join(line(n) for n in range(2, 9)))
    await tail.take()
    assert await tail.paths() == [f"/{n}" for n in range(9)]
    assert "egress.log-gone" in {record.activity for record in await tail.records()}


async def test_a_log_cut_while_it_is_read_is_recorded(tail):
    journal = await Journal.open(tail.folder / "egress", "egress", "host-a")
    log = EgressLog(tail.path, journal)
    tail.append(line(0) + line(1))
    await log.take()
    os.truncate(tail.path, 0)
    tail.append(line(2))
    while await log.take():
        pass
    await log.take()
    log.close()
    await journal.close()
    assert await tail.paths() == ["/0", "/1", "/2"]
    assert "egress.log-cut" in {record.activity for record in await tail.records()}


async def test_the_space_of_sealed_lines_is_given_back(tail, monkeypatch):
    monkeypatch.setattr(module, "PUNCH_BYTES", 1 << 20)
    lines = 12_000
    tail.append(b"".join(line(n) for n in range(lines)))
    await tail.take()
    assert tail.reclaims
    state = tail.path.stat()
    assert state.st_blocks * 512 < state.st_size * 0.6
    tail.append(line(lines))
    await tail.take()
    assert await tail.paths() == [f"/{n}" for n in range(lines + 1)]


async def test_a_log_that_may_not_be_written_to_is_read_all_the_same(tail, monkeypatch):
    monkeypatch.setattr(module, "PUNCH_BYTES", 1 << 10)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_punch_hole", refuse)
    tail.append(b"".join(line(n) for n in range(6000)))
    await tail.take()
    assert not tail.reclaims
    assert len(await tail.paths()) == 6000


async def test_the_shipper_killed_at_random_moments_seals_each_line_exactly_once(host, otlp):
    host.otlp(otlp.url)
    random_ = random.Random(11)
    raw, count = b"".join(line(n) for n in range(4000)), 4000
    stop = asyncio.Event()

    async def envoy():
        """Writes as a proxy does: in pieces that end anywhere, and it is rotated now and then."""
        rest, turn = raw, 0
        while rest and not stop.is_set():
            size = random_.randrange(1, 9000)
            with host.egress_log.open("ab") as file:
                file.write(rest[:size])
            rest, turn = rest[size:], turn + 1
            if turn % 60 == 0 and (not rest or rest.startswith(b"{")):
                host.egress_log.rename(host.egress_log.with_name(f"access.jsonl.{turn}"))
            await asyncio.sleep(0.01)

    writing = asyncio.create_task(envoy())
    for _ in range(6):
        await host.start()
        await asyncio.sleep(random_.uniform(0.6, 1.4))  # the moment of the kill is the point
        await host.kill()
    await writing
    await host.start()
    await otlp.until(lambda: len(otlp.events("path", "egress")) == count)
    await host.stop()
    assert otlp.events("path", "egress") == Counter({f"/{n}": 1 for n in range(count)})
    assert Counter(record["detail"].get("path") for record in host.archived("egress") if "path" in record["detail"]) == otlp.events(
        "path", "egress"
    )


@pytest.mark.parametrize(
    ("fields", "activity", "outcome", "reason", "session"),
    [
        (
            {"layer": "connect", "method": "CONNECT", "code": 200, "enforced": "s1/allow/tunnel/a.test:443"},
            "egress.connect",
            "allowed",
            "",
            "s1",
        ),
        (
            {"layer": "connect", "code": 403, "session": "s1", "enforced": "deny/host-not-allowed", "details": "rbac_access_denied"},
            *("egress.connect", "refused", "deny/host-not-allowed", "s1"),
        ),
        ({"layer": "connect", "code": 503, "session": "s1", "details": "dns_resolution_failure"}, "egress.connect", "failure", None, "s1"),
        ({"layer": "connect", "code": 400, "details": "http1.codec_error"}, "egress.connect", "refused", "http1.codec_error", ""),
        ({"layer": "tunnel", "session": "s1", "flags": "-", "up_bytes": 5}, "egress.tunnel", "allowed", "", "s1"),
        ({"layer": "tunnel", "session": "s1", "why": "rbac_access_denied_matched_policy[none]"}, "egress.tunnel", "refused", None, "s1"),
        ({"layer": "tunnel", "session": "s1", "flags": "UF,URX"}, "egress.tunnel", "failure", "UF,URX", "s1"),
        ({"layer": "inspect", "session": "s1", "code": 404, "details": "via_upstream"}, "egress.request", "allowed", "", "s1"),
        ({"layer": "inspect", "session": "s1", "code": 403, "enforced": "deny/method-or-path"}, "egress.request", "refused", None, "s1"),
        ({"layer": "tunnel-listener", "flags": "NR"}, "egress.tunnel", "refused", "NR", ""),
        ({"layer": "gateway", "code": 503, "details": "no_healthy_upstream"}, "egress.request", "failure", None, ""),
    ],
)
def test_a_line_says_what_was_asked_and_what_became_of_it(fields, activity, outcome, reason, session):
    event = event_of({"ts": "2026-11-21T12:00:00.125Z", "authority": "a.test:443", "path": "/x", **fields}, {"inode": 1})
    assert (event.activity, event.outcome, event.session_id) == (activity, outcome, session)
    assert event.time == 1795262400125
    assert event.detail["host"] == "a.test:443"
    assert event.reason == reason if reason is not None else event.reason
