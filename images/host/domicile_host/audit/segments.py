"""The files of a chain: `<first sequence, 20 digits>.jsonl`, one sealed record a line. Journals and archives are both kept so.

A torn line is what a write that was killed half-way leaves after the last newline. It was never confirmed to anyone, so the writer that
opens the chain next cuts it off to `<segment>.<offset>.torn` and says so in a record; readers never see more than whole lines.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from domicile_host.audit.record import GENESIS, Head, NotSealedError, unseal

READ_BYTES = 1 << 20
_NAME = re.compile(r"^(\d{20})\.jsonl$")


class ChainBrokenError(Exception):
    """The records on disk aren't one unbroken chain, so nothing may be added to them."""

    def __init__(self, segment: Path, sequence: int, what: str) -> None:
        self.segment, self.sequence = segment, sequence
        super().__init__(
            f"{segment}: at sequence {sequence}: {what}. Nothing is added to a broken chain: keep this folder as evidence"
            " (`domicile audit verify` names each fault), move it aside, and start the service again; its journal then begins anew"
        )


@dataclass(frozen=True, slots=True)
class Torn:
    """What was cut off the end of a chain."""

    segment: str
    offset: int
    length: int
    file: str


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a chain that may be continued."""

    segment: Path | None
    size: int
    head: Head
    torn: Torn | None = None


def path_of(folder: Path, first_sequence: int) -> Path:
    """The segment whose first record has `first_sequence`."""
    return folder / f"{first_sequence:020}.jsonl"


def first_of(segment: Path) -> int:
    """The sequence of the first record of `segment`, as its name says."""
    return int(segment.name[:20])


def listed(folder: Path) -> list[Path]:
    """The segments in `folder`, oldest first; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if _NAME.match(path.name))
    except FileNotFoundError:
        return []


def lines(segment: Path, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """The whole lines of `segment` from `offset` on, each with the offset of its end; what comes after the last newline is left out."""
    rest = b""
    with segment.open("rb") as file:
        file.seek(offset)
        while chunk := file.read(READ_BYTES):
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                offset += len(line) + 1
                yield offset, line


def last_line(segment: Path) -> bytes | None:
    """The last whole line of `segment`, read from its end; None where there is none."""
    with segment.open("rb") as file:
        position, tail = file.seek(0, os.SEEK_END), b""
        while position > 0 and tail[: tail.rfind(b"\n")].rfind(b"\n") < 0:
            start = max(0, position - READ_BYTES)
            file.seek(start)
            tail, position = file.read(position - start) + tail, start
    whole = tail[: tail.rfind(b"\n") + 1].split(b"\n")
    return whole[-2] if len(whole) > 1 else None


def recover(folder: Path) -> Tail:
    """Makes the chain in `folder` fit to be continued: holds its last segment against its hashes and cuts a torn line off.

    Earlier segments are held to their place in the chain only (the shipper and `verify` read them whole).
    Raises `ChainBrokenError`.
    """
    segments = listed(folder)
    if not segments:
        return Tail(None, 0, GENESIS)
    head = _joined(segments)
    end = 0
    for line_end, line in _until_hole(segments[-1]):
        head, end = _continued(segments[-1], head, line), line_end
    if head is None:
        raise ChainBrokenError(segments[-1], first_of(segments[-1]), "the segment is empty and the one before it is gone")
    return Tail(segments[-1], end, head, _cut(segments[-1], end))


def recover_copy(folder: Path) -> Tail:
    """As `recover`, for an archive: a chain with a gap is archived with its gap, so only the last
    record must be whole; and a closed segment is not opened again."""
    segments = listed(folder)
    if not segments:
        return Tail(None, 0, GENESIS)
    last = segments[-1] if is_open(segments[-1]) else None
    end = max((line_end for line_end, _ in _until_hole(last)), default=0) if last else 0
    torn = _cut(last, end) if last else None
    for segment in reversed(segments):
        line = last_line(segment)
        if line is not None:
            return Tail(last, end, head_of(segment, line), torn)
    return Tail(last, end, GENESIS, torn)


def is_open(segment: Path) -> bool:
    """Whether a segment may still grow: closed ones have no write bits."""
    return bool(segment.stat().st_mode & 0o222)


def head_of(segment: Path, line: bytes) -> Head:
    """The head after `line` of `segment`. Raises `ChainBrokenError` where it isn't a record."""
    try:
        return unseal(line).head
    except NotSealedError as error:
        raise ChainBrokenError(segment, first_of(segment), str(error)) from error


def _joined(segments: list[Path]) -> Head | None:
    """The head right before the last segment, with all segments before it in their places; None where the last is also the oldest left."""
    head: Head | None = GENESIS if first_of(segments[0]) == 1 else None
    for segment, following in itertools.pairwise(segments):
        _, opening = next(lines(segment), (0, b""))
        _continued(segment, head, opening)
        try:
            head = unseal(last_line(segment) or b"").head
        except NotSealedError as error:
            raise ChainBrokenError(segment, first_of(following) - 1, str(error)) from error
        if head.sequence + 1 != first_of(following):
            raise ChainBrokenError(following, head.sequence + 1, "the segment that holds it is missing, or records are")
    return head


def _continued(segment: Path, head: Head | None, line: bytes) -> Head:
    """The head after `line`, which must come right after `head` (None: it is the oldest record left)."""
    sequence = first_of(segment) if head is None else head.sequence + 1
    try:
        sealed = unseal(line)
    except NotSealedError as error:
        raise ChainBrokenError(segment, sequence, str(error)) from error
    if sealed.head.sequence != sequence:
        raise ChainBrokenError(segment, sequence, f"sequence {sealed.head.sequence} stands in its place")
    if head is not None and not sealed.follows(head):
        raise ChainBrokenError(segment, sequence, "it doesn't hold its predecessor's hash")
    return sealed.head


def _until_hole(segment: Path) -> Iterator[tuple[int, bytes]]:
    """The whole lines before the first that holds a NUL: after a power loss a file may have grown without its bytes."""
    for end, line in lines(segment):
        if b"\0" in line:
            return
        yield end, line


def _cut(segment: Path, end: int) -> Torn | None:
    """Moves what comes after `end` into a side file, durably, and then cuts it off."""
    with segment.open("r+b") as file:
        file.seek(end)
        rest = file.read()
        if not rest:
            return None
        aside = segment.with_name(f"{segment.name}.{end}.torn")
        with aside.open("ab") as copy:
            copy.write(rest)
            copy.flush()
            os.fsync(copy.fileno())
        sync_folder(segment.parent)
        file.truncate(end)
        os.fsync(file.fileno())
    return Torn(segment.name, end, len(rest), aside.name)


def sync_folder(folder: Path) -> None:
    """Makes the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
