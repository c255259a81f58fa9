"""Checks journals and archives: that each chain is whole, complete and the one that others know. For `domicile audit verify`.

    report = verify_host(settings)      # journals, archive and cursors, each held against the others
    report = verify(folder)             # one folder by itself: an archive, a folder of journals, or one chain

A chain alone can't show that its end was taken away or that it was written anew from some record on; what others remember of it can.
So `verify_host` holds each chain against the sinks' cursors and the archive.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domicile_host.audit import archive as archives
from domicile_host.audit import segments
from domicile_host.audit.cursor import read_cursor
from domicile_host.audit.reader import sources
from domicile_host.audit.record import GENESIS, Head, NotSealedError, Sealed, canonical, unseal
from domicile_host.settings import HostSettings

FaultKind = Literal[
    "changed", "missing", "missing-segment", "duplicated", "reordered", "rewritten", "foreign", "truncated", "manifest", "unreadable"
]

Place = Literal["journal", "archive"]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fault(_Model):
    """One thing that is wrong."""

    kind: FaultKind
    source: str
    sequence: int = Field(description="of the record that is wrong or was expected there")
    segment: str = Field(description="the file, as a path")
    what: str


class ChainReport(_Model):
    """One chain of one source."""

    source: str
    chain: str
    place: Place
    folder: Path
    first: int
    last: int
    records: int
    segments: int
    torn_bytes: int = Field(description="after the last whole record; a writer may be about to end it")
    faults: tuple[Fault, ...]


class Report(_Model):
    """What was checked and what was found."""

    chains: tuple[ChainReport, ...]
    refused: dict[str, int] = Field(default_factory=dict, description="records that a sink wouldn't take, by sink")

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.first_fault is None

    @property
    def records(self) -> int:
        """How many records were checked, those of journal and archive each."""
        return sum(chain.records for chain in self.chains)

    @property
    def first_fault(self) -> Fault | None:
        """The first fault, by source and sequence."""
        faults = [fault for chain in self.chains for fault in chain.faults]
        return min(faults, key=lambda fault: (fault.source, fault.sequence), default=None)


class _Checker:
    """Reads one chain, in the order of its files, and notes every fault once, with the sequence it concerns."""

    def __init__(self, folder: Path, source: str, place: Place) -> None:
        self.folder, self.source, self.place = folder, source, place
        self.faults: list[Fault] = []
        self.chain = ""
        self._hashes: dict[int, str] = {}
        self._changed: set[int] = set()
        self._records, self._before, self._highest = 0, 0, 0
        self._files: list[Path] = []

    def read(self) -> _Checker:
        """Checks all that the chain itself can show."""
        self._files = segments.listed(self.folder)
        for segment in self._files:
            for _, line in segments.lines(segment):
                self._line(segment, line)
        self._find_missing()
        if self.place == "archive":
            self._hold_against_manifest(self._files)
        return self

    def report(self) -> ChainReport:
        """What was found."""
        return ChainReport(
            source=self.source,
            chain=self.chain,
            place=self.place,
            folder=self.folder,
            first=self.first,
            last=self.last,
            records=self._records,
            segments=len(self._files),
            torn_bytes=_torn_bytes(self._files),
            faults=tuple(sorted(self.faults, key=lambda fault: fault.sequence)),
        )

    @property
    def first(self) -> int:
        """The first sequence that is there, or 0."""
        return min({*self._hashes, *self._changed}, default=0)

    @property
    def last(self) -> int:
        """The last sequence that is there, or 0."""
        return max({*self._hashes, *self._changed}, default=0)

    @property
    def head(self) -> Head | None:
        """The last record that has its hash."""
        return Head(self._highest, self._hashes[self._highest], self.chain) if self._highest else None

    def hold_against(self, who: str, head: Head) -> None:
        """Holds the chain against the record that `who` remembers of it."""
        if head.chain != self.chain:
            return
        own = self._hashes.get(head.sequence)
        if head.sequence > self.last:
            self._note("truncated", self.last + 1, self.folder, f"{who} knows records up to {head.sequence}")
        elif own is not None and own != head.hash:
            self._note("rewritten", head.sequence, self.folder, f"{who} knows another record by that sequence")
        elif head.sequence < self.first - 1:
            self._note("missing", head.sequence + 1, self.folder, f"{who} doesn't have them yet, so they weren't retired")

    def _line(self, segment: Path, line: bytes) -> None:
        try:
            sealed = _strictly(line)
        except NotSealedError as error:
            self._before += 1
            self._changed.add(self._before)
            self._note("changed", self._before, segment, str(error))
            return
        sequence, self.chain = sealed.head.sequence, self.chain or sealed.head.chain
        if sealed.record.source != self.source or sealed.head.chain != self.chain:
            self._note("foreign", sequence, segment, f"a record of source {sealed.record.source}, chain {sealed.head.chain}")
            return
        self._records += 1
        if sequence in self._hashes:
            same = self._hashes[sequence] == sealed.head.hash
            self._note("duplicated" if same else "rewritten", sequence, segment, "the sequence is there twice")
            return
        if sequence < self._highest and sequence != self._before + 1:
            self._note("reordered", sequence, segment, f"it comes after {self._before}")
        self._hold_against_predecessor(segment, sealed)
        self._hashes[sequence] = sealed.head.hash
        self._before, self._highest = sequence, max(self._highest, sequence)

    def _hold_against_predecessor(self, segment: Path, sealed: Sealed) -> None:
        predecessor = self._hashes.get(sealed.head.sequence - 1, GENESIS.hash if sealed.head.sequence == 1 else None)
        if predecessor is not None and predecessor != sealed.record.previous:
            self._note(
                "rewritten", sealed.head.sequence, segment, "it doesn't hold its predecessor's hash: one of the two was written anew"
            )

    def _find_missing(self) -> None:
        there = sorted({*self._hashes, *self._changed})
        if self.place == "archive" and there:
            there.insert(0, 0)
        for before, after in pairwise(there):
            if after > before + 1:
                where = segments.path_of(self.folder, after)
                what = f"sequences {before + 1} to {after - 1}" + (", whole segments perhaps" if where.exists() else "")
                self._note("missing", before + 1, self.folder, what)

    def _hold_against_manifest(self, files: list[Path]) -> None:
        there = {path.name: path for path in files}
        try:
            listed = archives.manifest(self.folder)
        except ValidationError as error:
            self._note("manifest", 0, self.folder / archives.MANIFEST, f"damaged: {error.errors()[0]['msg']}")
            return
        for closed in listed:
            segment = there.pop(closed.segment, None)
            if segment is None:
                self._note("missing-segment", closed.first, self.folder / closed.segment, f"sequences {closed.first} to {closed.last}")
            elif _digest(segment) != closed.sha256:
                self._note("manifest", closed.first, segment, "its content isn't what the manifest says")
        for segment in there.values():
            if not segments.is_open(segment):
                self._note("manifest", segments.first_of(segment), segment, "a closed segment that the manifest doesn't list")

    def _note(self, kind: FaultKind, sequence: int, segment: Path, what: str) -> None:
        self.faults.append(Fault(kind=kind, source=self.source, sequence=sequence, segment=str(segment), what=what))


def verify(folder: Path) -> Report:
    """Checks one folder by itself: an archive, a folder of journals, one source of either, or one chain."""
    return Report(chains=tuple(_Checker(*where).read().report() for where in _chains(folder)))


def verify_host(settings: HostSettings) -> Report:
    """Checks a host's journals and archive, held against each other and against every sink's cursor."""
    audit = settings.audit
    everything = sorted({*sources(audit.journal), *sources(audit.archive)})
    chains = [chain for source in everything for chain in _of_source(settings, source)]
    refused = {sink.name: _refused(audit.cursors / sink.name) for sink in audit.sinks}
    return Report(chains=tuple(chains), refused=refused)


def _of_source(settings: HostSettings, source: str) -> Iterator[ChainReport]:
    """Reads cursors, archive and journal in this order, so that what a shipper at work adds meanwhile is never taken for a fault."""
    audit = settings.audit
    cursors = {sink.name: read_cursor(audit.cursors / sink.name / f"{source}.json") for sink in audit.sinks}
    archived = [_Checker(path, source, "archive").read() for path in archives.chains(audit.archive / source)]
    journal = _journal(audit.journal / source, source)
    known = [(f"sink {name}'s cursor", head) for name, head in cursors.items() if head]
    for checker in archived:
        still_coming = journal.chain == checker.chain and journal.first <= checker.last + 1
        for who, head in known:
            if head.sequence <= checker.last or not still_coming:
                checker.hold_against(who, head)
        yield checker.report()
    for who, head in [*known, *(("the archive", checker.head) for checker in archived if checker.head)]:
        journal.hold_against(who, head)
    if journal.chain or journal.faults:
        yield journal.report()


def _journal(folder: Path, source: str) -> _Checker:
    """Reads a journal; once more where a shipper at work retired a segment just before its turn."""
    for _ in range(3):
        try:
            return _Checker(folder, source, "journal").read()
        except FileNotFoundError:
            continue
    return _Checker(folder, source, "journal").read()


def _chains(folder: Path) -> Iterator[tuple[Path, str, Place]]:
    """The chains at or below `folder`. An archive's chains have a folder each below their source's."""
    if segments.listed(folder):
        archived = re.fullmatch(r"\d{15}-[0-9a-f]{16}(\.\d+)?", folder.name)
        yield (folder, folder.parent.name, "archive") if archived else (folder, folder.name, "journal")
        return
    for below in sorted(path for path in folder.iterdir() if path.is_dir()):
        yield from _chains(below)


def _strictly(line: bytes) -> Sealed:
    """Opens a line that must also be in canonical form, so that no reader can take it for anything else."""
    sealed = unseal(line)
    try:
        body = canonical({key: value for key, value in json.loads(line).items() if key != "hash"})
    except ValueError as error:
        raise NotSealedError(f"the record has no canonical form: {error}") from error
    if not line.startswith(body[:-1]):
        raise NotSealedError("the record isn't in canonical form")
    return sealed


def _refused(folder: Path) -> int:
    return sum(1 for path in folder.glob("*.refused.jsonl") for _ in segments.lines(path))


def _digest(segment: Path) -> str:
    with segment.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _torn_bytes(files: list[Path]) -> int:
    if not files:
        return 0
    whole = max((end for end, _ in segments.lines(files[-1])), default=0)
    return files[-1].stat().st_size - whole
