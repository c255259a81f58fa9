"""`verify` names every edit of a journal or an archive, by source and sequence, and finds nothing wrong where nothing was edited."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domicile_host.audit import Event
from domicile_host.audit.archive import Archive
from domicile_host.audit.cursor import Cursor
from domicile_host.audit.reader import read
from domicile_host.audit.record import GENESIS, Head, Origin, Sealed, seal
from domicile_host.audit.retention import retire
from domicile_host.audit.verify import verify, verify_host

COUNT = 60
ORIGIN = Origin("test", "host-a", "gateway")


@pytest.fixture
async def shipped(host, otlp):
    """A host whose journal of many small segments is archived and confirmed by a sink."""
    host.otlp(otlp.url)
    await host.fill(range(COUNT), at_once=5, segment_bytes=4 << 10)
    records = list(read(host.folder / "journal" / "gateway"))
    archive = Archive(host.folder / "archive" / "gateway")
    for start in range(0, COUNT, 10):
        await archive.send(records[start : start + 10])
    await archive.close()
    host.unlock()
    Cursor(host.folder / "cursors" / "collector" / "gateway.json").advance(records[-1].head)
    return host


def journal_files(host) -> list[Path]:
    return sorted((host.folder / "journal" / "gateway").glob("0*.jsonl"))


def edit(path: Path, change):
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def resealed(lines: list[bytes]) -> list[bytes]:
    """The forger's way: the last record rewritten with a right hash of its own."""
    old = json.loads(lines[-1])
    head = Head(old["sequence"] - 1, old["previous"], old["chain"])
    return [*lines[:-1], seal(Event(activity="gateway.call", detail={"n": "forged"}), head, ORIGIN, 1).line + b"\n"]


def foreign(lines: list[bytes]) -> list[bytes]:
    old = json.loads(lines[1])
    head = Head(old["sequence"] - 1, old["previous"], old["chain"])
    record = seal(Event(activity="gateway.call"), head, Origin("test", "host-a", "dispatcher"), 1)
    return [lines[0], record.line + b"\n", *lines[2:]]


TAMPERING = {
    "a byte changed": (lambda lines: [lines[0], lines[1].replace(b'"n":', b'"m":'), *lines[2:]], [("changed", 2)]),
    "white space put in": (lambda lines: [lines[0].replace(b'"n":', b'"n": '), *lines[1:]], [("changed", 1)]),
    "a record removed": (lambda lines: [lines[0], *lines[2:]], [("missing", 2)]),
    "two records removed": (lambda lines: [lines[0], *lines[3:]], [("missing", 2)]),
    "two records swapped": (lambda lines: [lines[0], lines[2], lines[1], *lines[3:]], [("reordered", 2)]),
    "a record doubled": (lambda lines: [lines[0], lines[1], lines[1], *lines[2:]], [("duplicated", 2)]),
    "a line put in": (lambda lines: [lines[0], b"{}\n", *lines[1:]], [("changed", 2)]),
    "a record of another source": (foreign, [("missing", 2), ("foreign", 2)]),
}


@pytest.mark.parametrize("name", TAMPERING)
async def test_each_edit_of_a_journal_is_named(shipped, name):
    change, faults = TAMPERING[name]
    edit(journal_files(shipped)[0], change)
    found = verify(shipped.folder / "journal")
    assert sorted((fault.kind, fault.sequence) for chain in found.chains for fault in chain.faults) == sorted(faults)
    assert not found.ok
    assert found.first_fault.source == "gateway"


async def test_what_was_not_edited_is_whole(shipped):
    report = verify_host(shipped.settings)
    assert report.ok
    assert [(chain.place, chain.first, chain.last) for chain in report.chains] == [("archive", 1, COUNT), ("journal", 1, COUNT)]
    assert report.records == 2 * COUNT
    assert verify(shipped.folder / "archive").ok
    assert verify(shipped.folder / "archive" / "gateway").records == COUNT


async def test_a_missing_segment_is_named(shipped):
    lost = journal_files(shipped)[1]
    lost.unlink()
    fault = verify(shipped.folder / "journal").first_fault
    assert (fault.kind, fault.sequence) == ("missing", int(lost.stem))


async def test_a_journal_cut_at_its_end_is_known_by_the_cursor_and_the_archive(shipped):
    edit(journal_files(shipped)[-1], lambda lines: lines[:-1])
    assert verify(shipped.folder / "journal").ok
    faults = verify_host(shipped.settings).chains[-1].faults
    assert {(fault.kind, fault.sequence) for fault in faults} == {("truncated", COUNT)}
    assert len(faults) == 2


async def test_a_record_sealed_anew_at_the_end_is_known_by_the_cursor(shipped):
    edit(journal_files(shipped)[-1], resealed)
    assert verify(shipped.folder / "journal").ok
    assert {(fault.kind, fault.sequence) for fault in verify_host(shipped.settings).chains[-1].faults} == {("rewritten", COUNT)}


async def test_a_record_sealed_anew_in_the_middle_breaks_the_chain(shipped):
    edit(journal_files(shipped)[0], resealed)
    last = int(journal_files(shipped)[1].stem)
    fault = verify(shipped.folder / "journal").first_fault
    assert (fault.kind, fault.sequence) == ("rewritten", last)


async def test_retired_segments_are_no_fault_but_unconfirmed_ones_are(shipped):
    head = Cursor(shipped.folder / "cursors" / "collector" / "gateway.json").head
    gone = retire(shipped.folder / "journal" / "gateway", [head, head], keep_seconds=-1)
    assert gone
    assert verify_host(shipped.settings).ok
    first = next(iter(read(shipped.folder / "journal" / "gateway"))).head.sequence
    Cursor(shipped.folder / "cursors" / "collector" / "gateway.json").advance(Head(first - 3, head.hash, head.chain))
    assert ("missing", first - 2) in {(fault.kind, fault.sequence) for fault in verify_host(shipped.settings).chains[-1].faults}


async def test_nothing_is_retired_before_everyone_has_confirmed_it(shipped):
    files = journal_files(shipped)
    journal = shipped.folder / "journal" / "gateway"
    heads = {record.head.sequence: record.head for record in read(journal)}
    second = int(files[2].stem) - 1
    assert retire(journal, [heads[COUNT], None], keep_seconds=-1) == []
    assert retire(journal, [heads[COUNT], Head(COUNT, "f" * 64, "another")], keep_seconds=-1) == []
    assert retire(journal, [heads[COUNT], heads[COUNT]]) == []
    assert retire(journal, [heads[COUNT], heads[second - 1]], keep_seconds=-1) == files[:1]
    assert retire(journal, [heads[COUNT], heads[second]], keep_seconds=-1) == files[1:2]
    assert retire(journal, [heads[COUNT], heads[COUNT]], keep_bytes=0) == files[2:-2]
    assert journal_files(shipped) == files[-2:]


async def test_edits_of_an_archive_are_named(shipped):
    (segment,) = (shipped.folder / "archive" / "gateway").glob("*/0*.jsonl")
    whole = segment.read_bytes()
    for change, kind in (
        (lambda lines: [*lines[:3], lines[3].replace(b'"n":3', b'"n":9'), *lines[4:]], "changed"),
        (lambda lines: lines[1:], "missing"),
        (lambda lines: lines[:-1], "truncated"),
    ):
        edit(segment, change)
        kinds = {fault.kind for fault in verify_host(shipped.settings).chains[0].faults}
        if kind == "truncated":  # the journal still has what is missing, so it may be on its way; the manifest knows better
            kind = "manifest"
        assert kind in kinds
        segment.write_bytes(whole)
    assert verify_host(shipped.settings).ok
    segment.unlink()
    assert verify_host(shipped.settings).first_fault.kind == "missing-segment"


async def test_an_archive_is_continued_after_a_kill_at_any_moment_of_closing_a_segment(shipped):
    (folder,) = (shipped.folder / "archive" / "gateway").iterdir()
    manifest = (folder / "manifest.jsonl").read_bytes()
    for kept, mode in ((b"", 0o440), (manifest[:20], 0o440), (b"", 0o640), (manifest, 0o440)):
        shipped.unlock()
        (folder / "manifest.jsonl").write_bytes(kept)
        next(folder.glob("0*.jsonl")).chmod(mode)
        archive = Archive(folder.parent)
        assert archive.head.sequence == COUNT
        assert archive.protection == ("none yet" if mode == 0o640 else "read-only mode")
        await archive.close()
        assert (folder / "manifest.jsonl").read_bytes() == manifest
        assert verify(folder).ok
        assert archive.protection != "none yet"
        assert next(folder.glob("0*.jsonl")).stat().st_mode & 0o222 == 0


def chain_of(count: int) -> list[Sealed]:
    records, head = [], GENESIS
    for n in range(count):
        records.append(seal(Event(activity="gateway.call", detail={"n": n}), head, ORIGIN, n))
        head = records[-1].head
    return records


@given(count=st.integers(2, 9), data=st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_any_other_arrangement_of_records_than_the_sealed_one_is_a_fault(tmp_path, count, data):
    records = chain_of(count)
    picked = data.draw(st.lists(st.sampled_from(range(count)), min_size=1, max_size=count + 2))
    last = max(picked)
    folder = tmp_path / "gateway"
    folder.mkdir(exist_ok=True)
    (folder / "00000000000000000001.jsonl").write_bytes(b"".join(records[n].line + b"\n" for n in picked))
    whole = picked == list(range(picked[0], last + 1))
    assert verify(folder).ok == whole
