"""Files that are whole or not there: for checkpoints, locks and configuration."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from pathlib import Path

_TEMPORARY_MODE = 0o600  # of what `tempfile` makes


def write_atomically(path: Path, content: str | bytes, keep_before: bool = False, mode: int = 0o600) -> None:
    """Write `content` so that a reader, a kill or a power cut finds the old file or the new one. `keep_before` leaves the old as `.bak`.

    `mode` is that of a new file; one that is there keeps its own.
    """
    before = _status(path)
    handle, name = _temporary(path)
    try:
        try:
            wanted = before.st_mode & 0o777 if before else mode
            if wanted != _TEMPORARY_MODE:
                os.fchmod(handle, wanted)
            _write_all(handle, content.encode() if isinstance(content, str) else content)
            os.fsync(handle)
        finally:
            os.close(handle)
        if keep_before and before:
            _link_over(path, path.with_name(path.name + ".bak"))
        os.replace(name, path)  # noqa: PTH105 names, not paths
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_attributes(path: Path) -> None:
    """The companion file that the CLI's storage library keeps beside each of its files: content type and checksum. Nothing needs it."""
    digest = base64.b64encode(hashlib.md5(path.read_bytes()).digest()).decode()  # noqa: S324 the form's own checksum
    about = {f"user.{k}": "" for k in ("cache_control", "content_disposition", "content_encoding", "content_language")}
    content = {**about, "user.content_type": "text/plain; charset=utf-8", "user.metadata": None, "md5": digest}
    path.with_name(path.name + ".attrs").write_text(json.dumps(content, separators=(",", ":")) + "\n")


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _temporary(path: Path) -> tuple[int, str]:
    """A new file beside `path`, whose folder is made if there is none: open, and its name."""
    try:
        return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")


def _write_all(handle: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _link_over(path: Path, other: Path) -> None:
    """Give the file at `path` the second name `other`, in the place of what had it."""
    fresh = other.with_name(f".{other.name}.{os.getpid()}.tmp")
    try:
        fresh.hardlink_to(path)
    except FileExistsError:  # a process of this number was killed here
        fresh.unlink()
        fresh.hardlink_to(path)
    fresh.replace(other)


def sync_folder(folder: Path) -> None:
    """Make sure that names in `folder` outlast a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
