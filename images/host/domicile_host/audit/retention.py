"""When a journal's segments go: once the archive and every sink have confirmed them, and they are old or the journal is large."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import structlog

from domicile_host.audit import segments
from domicile_host.audit.record import Head, NotSealedError, unseal

KEEP_SECONDS = 24 * 3600.0
KEEP_BYTES = 256 << 20
KEEP_SEGMENTS = 2

log = structlog.get_logger("shipper")


def retire(journal: Path, confirmed: Sequence[Head | None], keep_seconds: float = KEEP_SECONDS, keep_bytes: int = KEEP_BYTES) -> list[Path]:
    """Removes the oldest segments of `journal` that all of `confirmed` are past, and gives back which.

    The last two always stay: the writer continues the one, and the other shows that nothing stood between.
    """
    files = segments.listed(journal)
    total, now = sum(path.stat().st_size for path in files), time.time()
    gone: list[Path] = []
    for segment, following in itertools.pairwise(files[: 1 - KEEP_SEGMENTS]):
        state = segment.stat()
        wanted = now - state.st_mtime > keep_seconds or total > keep_bytes
        if not wanted or not all(_is_past(segment, segments.first_of(following) - 1, head) for head in confirmed):
            break
        try:
            segment.unlink()
        except PermissionError as error:
            log.warning("journal-grows", segment=str(segment), reason=str(error))
            break
        total -= state.st_size
        gone.append(segment)
    if gone:
        segments.sync_folder(journal)
        log.info("journal-retired", journal=str(journal), segments=len(gone))
    return gone


def _is_past(segment: Path, last_sequence: int, head: Head | None) -> bool:
    if head is None or head.sequence < last_sequence:
        return False
    line = segments.last_line(segment)
    try:
        return line is not None and unseal(line).head.chain == head.chain
    except NotSealedError:
        return False
