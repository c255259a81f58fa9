"""The builder's folder of downloads and finished layers, images and programs, safe for builds that run at once or are killed.

What is in it is named by what it is (a hash) and appears whole or not at all: it is made in `partial/`, then renamed.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class CacheError(Exception):
    """A cached file isn't what its name says. It has been removed: running again fetches it anew."""


class Cache:
    """One cache folder. `root` is made when missing."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def blob(self, sha256: str) -> Path:
        """Where the bytes with this SHA-256 (hex) are, or will be."""
        return self.root / "blobs" / sha256

    def place(self, kind: str, key: str) -> Path:
        """Where the thing of this kind and key is, or will be."""
        return self.root / kind / key

    @contextmanager
    def exclusive(self, name: str) -> Iterator[Path]:
        """Holds the lock `name` and gives an empty working folder; what a killed holder left there is removed first."""
        locks, partial = self.root / "locks", self.root / "partial" / name
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            try:
                yield partial
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def adopt(self, file: Path, sha256: str) -> Path:
        """Moves a finished file to its place among the blobs, unless it is there already."""
        target = self.blob(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            file.unlink()
        else:
            file.replace(target)
        return target

    def verified(self, sha256: str) -> Path:
        """The blob, after another look at its hash: it may have lain here for long. Raises `CacheError`."""
        path = self.blob(sha256)
        if sha256_of(path) != sha256:
            path.unlink()
            raise CacheError(f"{path} was damaged or changed, and is removed now; run again to fetch it anew")
        return path

    def finish(self, made: Path, place: Path) -> Path:
        """Moves a finished file or folder to its place. One that is there already is as good and stays."""
        place.parent.mkdir(parents=True, exist_ok=True)
        if made.is_dir() and place.exists():
            return place
        made.replace(place)
        return place


def key_of(value: Any) -> str:
    """The SHA-256 of a JSON value: names what is made from it."""
    return hashlib.sha256(canonical(value)).hexdigest()


def canonical(value: Any) -> bytes:
    """The one JSON form of a value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def sha256_of(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(path: Path, data: bytes) -> None:
    """Writes a file so that a reader sees the old bytes or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        os.fchmod(handle, 0o644)
    Path(partial).replace(path)
