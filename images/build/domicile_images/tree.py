"""The files of one image layer, in memory, and the one way they become bytes: sorted, dated alike, owned as declared.

Called by the readers of Debian packages and wheels, which fill a tree, and by the builder, which writes it. Nothing of the
machine that builds (names, times, umask, compression library) reaches the written tar: equal trees give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

EPOCH_SECONDS = 1_700_000_000
_MERGED = {"bin": "usr/bin", "sbin": "usr/sbin", "lib": "usr/lib", "lib64": "usr/lib64"}


@dataclass(frozen=True)
class Entry:
    """A file (`data` set), a link (`link` set) or a folder (neither). Paths have no leading slash."""

    mode: int = 0o755
    data: bytes | None = None
    link: str | None = None
    uid: int = 0
    gid: int = 0

    @property
    def is_folder(self) -> bool:
        return self.data is None and self.link is None


class UnsafePathError(Exception):
    """A package names a path outside of the image, or a file that no image may hold."""


def inside(path: str) -> str:
    """The path as the image knows it: relative, normal, with /bin, /sbin, /lib merged into /usr as in Debian."""
    normal = posixpath.normpath("/" + path).lstrip("/")
    if ".." in path.split("/"):
        raise UnsafePathError(f"{path}: a packaged path may not hold '..'")
    top, _, rest = normal.partition("/")
    merged = _MERGED.get(top)
    return normal if merged is None else posixpath.join(merged, rest) if rest else merged


@dataclass
class Tree:
    """Entries by path. Later ones replace earlier ones, but a folder never replaces what is there."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def file(self, path: str, data: bytes, *, executable: bool = False) -> None:
        self.put(path, Entry(0o755 if executable else 0o644, data))

    def folder(self, path: str, *, mode: int = 0o755, uid: int = 0, gid: int = 0) -> None:
        self.entries[inside(path)] = Entry(mode, uid=uid, gid=gid)

    def link(self, path: str, target: str) -> None:
        self.put(path, Entry(0o777, link=target))

    def merge_roots(self) -> None:
        """Puts Debian's links in place of the folders that `inside` merges."""
        for path, target in _MERGED.items():
            self.entries[path] = Entry(0o777, link=target)
            self.put(target, Entry())

    def put(self, path: str, entry: Entry) -> None:
        path = inside(path)
        if not path or (entry.is_folder and path in self.entries):
            return
        self.entries[path] = entry

    def merge(self, other: Tree) -> None:
        for path, entry in other.entries.items():
            self.put(path, entry)

    def read(self, path: str) -> bytes:
        data = self.entries[inside(path)].data
        if data is None:
            raise UnsafePathError(f"{path}: not a file")
        return data

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every regular file, sorted by path."""
        for path in sorted(self.entries):
            data = self.entries[path].data
            if data is not None:
                yield path, data

    def write(self, out: BinaryIO) -> tuple[str, int]:
        """Writes the layer as a tar. Returns its SHA-256 (hex) and size in bytes."""
        sink = _Hashing(out)
        with tarfile.open(fileobj=sink, mode="w|", format=tarfile.PAX_FORMAT, bufsize=1 << 20) as tar:
            for path, entry in sorted(self._with_parents().items()):
                data = entry.data if entry.data is not None else b""
                tar.addfile(_member(path, entry), io.BytesIO(data))
        return sink.digest.hexdigest(), sink.size

    def extract_to(self, folder: Path) -> None:
        """Writes files, links and folders below `folder`, which is made; owners are the caller's own."""
        folder.mkdir()
        for path, entry in sorted(self._with_parents().items()):
            target = folder / path
            if entry.link is not None:
                target.symlink_to(entry.link)
            elif entry.data is not None:
                target.write_bytes(entry.data)
                target.chmod(entry.mode)
            else:
                target.mkdir(exist_ok=True)

    def _with_parents(self) -> dict[str, Entry]:
        complete = dict(self.entries)
        for path in self.entries:
            parent = posixpath.dirname(path)
            while parent and parent not in complete:
                complete[parent] = Entry()
                parent = posixpath.dirname(parent)
        return complete


def read_layer(layer: Path) -> Tree:
    """The tree that a written layer holds."""
    tree = Tree()
    with tarfile.open(layer) as tar:
        for member in tar:
            reader = tar.extractfile(member) if member.isfile() else None
            link = member.linkname if member.issym() else None
            data = reader.read() if reader else None
            tree.entries[member.name] = Entry(member.mode, data, link, member.uid, member.gid)
    return tree


def plain(entry: Entry) -> Entry:
    """The entry without set-id bits and without write access for others: how every packaged file enters an image."""
    return entry if entry.link is not None else replace(entry, mode=entry.mode & 0o755, uid=0, gid=0)


def _member(path: str, entry: Entry) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.mode, member.mtime = entry.mode, EPOCH_SECONDS
    member.uid, member.gid = entry.uid, entry.gid
    if entry.link is not None:
        member.type, member.linkname = tarfile.SYMTYPE, entry.link
    elif entry.data is not None:
        member.size = len(entry.data)
    else:
        member.type = tarfile.DIRTYPE
    return member


class _Hashing(io.RawIOBase):
    """Passes bytes on and keeps their hash and count."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, chunk: bytes) -> int:  # type: ignore[override]  # tarfile gives bytes only
        self.digest.update(chunk)
        self.size += len(chunk)
        return self._out.write(chunk)
