"""The journal: nothing confirmed is ever lost, nothing torn stays, and a broken chain is not continued."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domicile_host.audit import ChainBrokenError, ChainLockedError, Event, Journal, pick
from domicile_host.audit.journal import JournalClosedError
from domicile_host.audit.reader import read, records
from domicile_host.audit.record import GENESIS, MAX_DETAIL_BYTES, Origin, canonical, seal, unseal

WRITER = Path(__file__).with_name("writer.py")
AT_ONCE = 5


async def opened(folder: Path, **more) -> Journal:
    return await Journal.open(folder, "gateway", "host-a", stack="test", **more)


async def filled(folder: Path, event, count: int, **more) -> list[bytes]:
    journal = await opened(folder, **more)
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(journal.append(event(n)) for n in range(start, min(count, start + AT_ONCE))))
    await journal.close()
    return lines_in(folder)


def lines_in(folder: Path) -> list[bytes]:
    return [line for path in sorted(folder.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def chained(lines: list[bytes]) -> bool:
    head = GENESIS
    for line in lines:
        record = unseal(line)
        if not record.follows(head):
            return False
        head = record.head
    return True


async def test_records_form_one_chain_in_the_order_of_their_appends_across_segments_and_restarts(tmp_path, event):
    await filled(tmp_path, event, 50, segment_bytes=4 << 10)
    lines = await filled(tmp_path, event, 50, segment_bytes=4 << 10)
    assert len(lines) == 100
    assert chained(lines)
    assert [json.loads(line)["detail"]["n"] for line in lines] == [*range(50), *range(50)]
    assert len(list(tmp_path.glob("*.jsonl"))) > 5


async def test_a_record_says_who_what_when_and_where_it_stands_in_ocsf(tmp_path):
    journal = await opened(tmp_path)
    await journal.append(
        Event(
            activity="egress.request",
            outcome="refused",
            reason="host-not-allowed",
            session_id="s",
            work_id="w",
            sandbox_id="b",
            time=1234,
            detail={"method": "PUT"},
        )
    )
    (record,) = journal.read()
    await journal.close()
    assert (record.source, record.host, record.stack, record.sequence, record.time) == ("gateway", "host-a", "test", 1, 1234)
    assert (record.session_id, record.work_id, record.sandbox_id, record.reason) == ("s", "w", "b", "host-not-allowed")
    assert (record.category_uid, record.class_uid, record.activity_id, record.type_uid) == (4, 4002, 7, 400207)
    assert (record.status_id, record.action_id, record.metadata.uid, record.metadata.product.name) == (2, 2, record.id, "Domicile")


async def test_many_appends_at_once_share_syncs(tmp_path, event, monkeypatch):
    syncs = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda descriptor: (syncs.append(descriptor), real(descriptor)))
    journal = await opened(tmp_path)
    await asyncio.gather(*(journal.append(event(n)) for n in range(500)))
    await journal.close()
    assert len(lines_in(tmp_path)) == 500
    assert len(syncs) < 50


async def test_a_folder_has_one_writer(tmp_path, event):
    journal = await opened(tmp_path)
    with pytest.raises(ChainLockedError):
        await opened(tmp_path)
    await journal.close()
    await (await opened(tmp_path)).close()


async def test_a_closed_journal_takes_no_event(tmp_path, event):
    journal = await opened(tmp_path)
    await journal.close()
    with pytest.raises(JournalClosedError):
        await journal.append(event())


async def test_a_record_torn_at_any_byte_is_cut_off_kept_aside_and_recorded(tmp_path, event):
    lines = await filled(tmp_path / "whole", event, 3)
    whole = b"".join(line + b"\n" for line in lines)
    start = len(whole) - len(lines[-1]) - 1
    for cut in range(start + 1, len(whole)):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        segment = folder / "00000000000000000001.jsonl"
        segment.write_bytes(whole[:cut])
        journal = await opened(folder)
        await journal.append(event(9))
        first, second, recovered, new = journal.read()
        await journal.close()
        assert chained(segment.read_bytes().splitlines())
        assert [first.sequence, second.sequence, recovered.sequence, new.sequence] == [1, 2, 3, 4]
        assert recovered.activity == "journal.recovered"
        assert recovered.detail["length"] == cut - start
        assert (folder / f"{segment.name}.{start}.torn").read_bytes() == whole[start:cut]


async def test_a_hole_left_by_a_power_loss_is_cut_off(tmp_path, event):
    lines = await filled(tmp_path, event, 3)
    segment = tmp_path / "00000000000000000001.jsonl"
    segment.write_bytes(lines[0] + b"\n" + bytes(5000) + b"\n" + lines[2] + b"\n")
    journal = await opened(tmp_path)
    assert [record.activity for record in journal.read()] == ["gateway.call", "journal.recovered"]
    await journal.close()


def _edits(lines: list[bytes]) -> dict[str, list[bytes]]:
    swapped = [lines[0], lines[2], lines[1], *lines[3:]]
    return {
        "changed": [lines[0], lines[1].replace(b'"n":1', b'"n":7'), *lines[2:]],
        "removed": [lines[0], *lines[2:]],
        "first removed": lines[1:],
        "reordered": swapped,
        "duplicated": [lines[0], lines[1], lines[1], *lines[2:]],
        "not a record": [lines[0], b"{}", *lines[1:]],
        "blank line": [lines[0], b"", *lines[1:]],
    }


@pytest.mark.parametrize("edit", _edits([b"%d" % n for n in range(5)]))
async def test_a_broken_chain_is_not_continued(tmp_path, event, edit):
    lines = await filled(tmp_path, event, 5)
    broken = b"".join(line + b"\n" for line in _edits(lines)[edit])
    (tmp_path / "00000000000000000001.jsonl").write_bytes(broken)
    with pytest.raises(ChainBrokenError):
        await opened(tmp_path)
    assert (tmp_path / "00000000000000000001.jsonl").read_bytes() == broken


async def test_a_missing_segment_breaks_the_chain(tmp_path, event):
    await filled(tmp_path, event, 60, segment_bytes=4 << 10)
    sorted(tmp_path.glob("*.jsonl"))[1].unlink()
    with pytest.raises(ChainBrokenError):
        await opened(tmp_path)


async def test_a_journal_whose_oldest_segments_were_retired_goes_on(tmp_path, event):
    lines = await filled(tmp_path, event, 60, segment_bytes=4 << 10)
    for path in sorted(tmp_path.glob("*.jsonl"))[:-2]:
        path.unlink()
    journal = await opened(tmp_path)
    await journal.append(event())
    assert journal.head.sequence == len(lines) + 1
    await journal.close()


async def test_a_full_disk_is_an_error_to_the_caller_and_leaves_no_gap(tmp_path, event, monkeypatch):
    journal = await opened(tmp_path)
    await journal.append(event(1))
    real = os.write
    room = [300]

    def write(descriptor, data):
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = real(descriptor, bytes(data)[: room[0]])
        room[0] -= taken
        return taken

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", write)
        with pytest.raises(OSError, match="No space"):
            await journal.append(event(2))
    await journal.append(event(3))
    assert [record.detail["n"] for record in journal.read()] == [1, 3]
    await journal.close()
    assert chained((tmp_path / "00000000000000000001.jsonl").read_bytes().splitlines())


async def test_after_a_sync_that_failed_nothing_more_is_confirmed(tmp_path, event, monkeypatch):
    journal = await opened(tmp_path)

    def fail(descriptor):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(OSError, match="Input/output"):
            await journal.append(event(1))
    with pytest.raises(OSError, match="restart"):
        await journal.append(event(2))
    await journal.close()


def test_a_writer_killed_at_random_moments_loses_nothing_it_had_confirmed(tmp_path):
    confirmed: set[int] = set()
    random_ = random.Random(7)
    for turn in range(12):
        arguments = [sys.executable, str(WRITER), str(tmp_path), "gateway", str(turn * 100_000), "100000", "37"]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
            wanted = random_.randrange(1, 3000)
            for _, line in zip(range(wanted), process.stdout, strict=False):
                confirmed.add(int(line))
            process.kill()
            confirmed.update(int(line) for line in process.stdout if line.endswith(b"\n"))
    asyncio.run(_closing(tmp_path / "gateway"))
    lines = lines_in(tmp_path / "gateway")
    assert chained(lines)
    assert confirmed <= {json.loads(line)["detail"].get("n") for line in lines}
    assert len(confirmed) > 1000


async def _closing(folder: Path) -> None:
    await (await opened(folder)).close()


async def test_what_one_session_did_is_picked_from_all_sources_by_time(tmp_path):
    for source in ("gateway", "dispatcher"):
        journal = await Journal.open(tmp_path / source, source, "host-a")
        for n in range(6):
            await journal.append(Event(activity="x.y", session_id=f"s{n % 2}", time=n, detail={"source": source}))
        await journal.close()
    picked = pick(tmp_path, session_id="s1")
    assert [(record.time, record.source) for record in picked] == [(n, source) for n in (1, 3, 5) for source in ("dispatcher", "gateway")]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.text(st.characters(exclude_categories=())))
@settings(deadline=None)
def test_any_event_becomes_a_record_that_opens_to_what_was_sealed_in_canonical_form(detail, reason):
    event = Event.model_construct(activity="gateway.call", outcome="failure", reason=reason, detail=detail)
    sealed = seal(event, GENESIS, Origin("stack", "host", "source"), 1)
    reopened = unseal(sealed.line)
    assert (reopened.head, reopened.record) == (sealed.head, sealed.record)
    assert b"\n" not in sealed.line
    body = {key: value for key, value in json.loads(sealed.line).items() if key != "hash"}
    assert canonical(body)[:-1] == sealed.line[: len(canonical(body)) - 1]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
@settings(deadline=None)
def test_any_byte_changed_in_any_record_shows(shape, data):
    head, lines = GENESIS, []
    for n in shape:
        sealed = seal(Event(activity="gateway.call", detail={"n": n}), head, Origin("s", "h", "g"), n)
        lines.append(sealed.line)
        head = sealed.head
    assert chained(lines)
    which = data.draw(st.integers(0, len(lines) - 1))
    at = data.draw(st.integers(0, len(lines[which]) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != lines[which][at]))
    lines[which] = lines[which][:at] + bytes([byte]) + lines[which][at + 1 :]
    with pytest.raises(Exception, match="record"):
        unseal(lines[which])


def test_a_detail_too_large_for_the_sinks_is_kept_as_size_and_digest():
    event = Event(activity="gateway.call", detail={"output": "x" * MAX_DETAIL_BYTES})
    sealed = seal(event, GENESIS, Origin("s", "h", "g"), 1)
    assert set(sealed.record.detail) == {"oversized"}


def test_a_folder_without_records_yet_reads_as_empty(tmp_path):
    (tmp_path / "egress").mkdir()
    assert list(read(tmp_path / "egress")) == []
    assert list(records(tmp_path)) == []
