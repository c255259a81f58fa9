"""Appends lines to the segments of one folder, durably. The journal writes sealed events with it, the archive what journals hold."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from domicile_host.audit import segments
from domicile_host.audit.record import Sealed

FILE_MODE = 0o640  # the shipper reads journals by their group


class ChainLockedError(Exception):
    """Another process writes to this folder."""


class ChainFailedError(OSError):
    """The disk didn't confirm an earlier write, so what the file holds is unknown until it is opened and read again."""


class Chain:
    """The one writer of a folder of segments. Not for two threads at once; every call blocks until the disk has confirmed."""

    def __init__(self, folder: Path, segment_bytes: int, recover: Callable[[Path], segments.Tail] = segments.recover) -> None:
        """Opens the chain, recovering it (`recover` says how strictly). Raises `ChainLockedError`, `ChainBrokenError`, `OSError`."""
        self.folder, self._segment_bytes = folder, segment_bytes
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        self._file = -1
        self._failed = False
        try:
            self._take_lock()
            tail = recover(folder)
            self.head, self.torn, self.segment, self._size = tail.head, tail.torn, tail.segment, tail.size
            if tail.segment:
                self._file = os.open(tail.segment, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
                os.fsync(self._file)  # a killed predecessor may have written lines that it never saw confirmed
        except BaseException:
            self.close()
            raise

    def append(self, records: Sequence[Sealed]) -> None:
        """Puts `records`, which continue `head`, on disk. On `OSError` none of them is there and the chain can be tried again."""
        if self._failed:
            raise ChainFailedError(f"{self.folder}: an earlier write was not confirmed by the disk; restart the service")
        if not records:
            return
        raw = b"".join(record.line + b"\n" for record in records)
        if self._file < 0 or (self._size and self._size + len(raw) > self._segment_bytes):
            self._open_segment(records[0].head.sequence)
        try:
            self._write(raw)
        except OSError:
            self._take_back()
            raise
        try:
            os.fdatasync(self._file)
        except OSError:
            self._failed = True  # after a failed sync the kernel may have dropped the pages: only reading anew tells what is there
            raise
        self._size += len(raw)
        self.head = records[-1].head

    def close(self) -> None:
        """Gives the folder free."""
        for descriptor in (self._file, self._lock):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._lock = -1

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ChainLockedError(f"{self.folder}: another process writes here; a folder has one writer") from error

    def _open_segment(self, first_sequence: int) -> None:
        path = segments.path_of(self.folder, first_sequence)
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        os.fchmod(opened, FILE_MODE)
        segments.sync_folder(self.folder)
        if self._file >= 0:
            os.close(self._file)
        self._file, self.segment, self._size = opened, path, 0

    def _write(self, raw: bytes) -> None:
        view = memoryview(raw)
        while view:
            view = view[os.write(self._file, view) :]

    def _take_back(self) -> None:
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self._failed = True
            raise
