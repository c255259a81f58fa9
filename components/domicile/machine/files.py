"""Folders, files and generated keys."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from domicile.machine.resource import MachineProvider, MachineResource, Spec


class FolderSpec(Spec):
    """A folder with its owner and mode; parents are made as root's, 0755."""

    path: Path
    uid: int = 0
    gid: int = 0
    mode: int = 0o750
    retain: bool = False


class FolderProvider(MachineProvider):
    """Deleting a folder deletes what services left in it, unless it is retained."""

    spec = FolderSpec
    replaces = frozenset({"path"})

    def identity(self, spec: FolderSpec) -> str:
        return str(spec.path)

    def ensure(self, spec: FolderSpec) -> Mapping[str, Any]:
        spec.path.mkdir(parents=True, exist_ok=True)
        _own(spec.path, spec.uid, spec.gid, spec.mode)
        return {}

    def look(self, spec: FolderSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return _owned(spec.path) if spec.path.is_dir() else None

    def remove(self, spec: FolderSpec) -> None:
        if not spec.retain and spec.path.exists():
            shutil.rmtree(spec.path)


class FileSpec(Spec):
    """A file with content that is no secret (it is kept in the stack's state)."""

    path: Path
    content: str
    uid: int = 0
    gid: int = 0
    mode: int = 0o644


class FileProvider(MachineProvider):
    """Writes by rename, so that a reader never sees half a file."""

    spec = FileSpec
    replaces = frozenset({"path"})

    def identity(self, spec: FileSpec) -> str:
        return str(spec.path)

    def ensure(self, spec: FileSpec) -> Mapping[str, Any]:
        write(spec.path, spec.content.encode(), spec.uid, spec.gid, spec.mode)
        return {}

    def look(self, spec: FileSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {**_owned(spec.path), "content": spec.path.read_text()} if spec.path.is_file() else None

    def remove(self, spec: FileSpec) -> None:
        spec.path.unlink(missing_ok=True)


class LogFileSpec(Spec):
    """A file that services write to: only its being there, its owner and its mode are the stack's."""

    path: Path
    uid: int = 0
    gid: int = 0
    mode: int = 0o660


class LogFileProvider(MachineProvider):
    """Makes it empty when it isn't there, and never touches what is in it."""

    spec = LogFileSpec
    replaces = frozenset({"path"})

    def identity(self, spec: LogFileSpec) -> str:
        return str(spec.path)

    def ensure(self, spec: LogFileSpec) -> Mapping[str, Any]:
        spec.path.parent.mkdir(parents=True, exist_ok=True)
        spec.path.touch()
        _own(spec.path, spec.uid, spec.gid, spec.mode)
        return {}

    def look(self, spec: LogFileSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return _owned(spec.path) if spec.path.is_file() else None

    def remove(self, spec: LogFileSpec) -> None:
        spec.path.unlink(missing_ok=True)


class GeneratedKeySpec(Spec):
    """A file of random bytes, made once and never kept in state."""

    path: Path
    size_bytes: int = 32
    uid: int = 0
    gid: int = 0
    mode: int = 0o400


class GeneratedKeyProvider(MachineProvider):
    """Leaves a key that is already there as it is: what it sealed could not be opened with another."""

    spec = GeneratedKeySpec
    replaces = frozenset({"path", "size_bytes"})

    def identity(self, spec: GeneratedKeySpec) -> str:
        return str(spec.path)

    def ensure(self, spec: GeneratedKeySpec) -> Mapping[str, Any]:
        if not spec.path.exists():
            write(spec.path, secrets.token_bytes(spec.size_bytes), spec.uid, spec.gid, spec.mode)
        _own(spec.path, spec.uid, spec.gid, spec.mode)
        return {}

    def look(self, spec: GeneratedKeySpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {**_owned(spec.path), "size_bytes": spec.path.stat().st_size} if spec.path.is_file() else None

    def remove(self, spec: GeneratedKeySpec) -> None:
        spec.path.unlink(missing_ok=True)


class Folder(MachineResource):
    """A folder: `path`, `uid`, `gid`, `mode`, `retain`."""

    provider: ClassVar[MachineProvider] = FolderProvider()


class File(MachineResource):
    """A file: `path`, `content` (no secret), `uid`, `gid`, `mode`."""

    provider: ClassVar[MachineProvider] = FileProvider()


class LogFile(MachineResource):
    """A file that services write to: `path`, `uid`, `gid`, `mode`."""

    provider: ClassVar[MachineProvider] = LogFileProvider()


class GeneratedKey(MachineResource):
    """A file of random bytes: `path`, `size_bytes`, `uid`, `gid`, `mode`."""

    provider: ClassVar[MachineProvider] = GeneratedKeyProvider()


def write(path: Path, content: bytes, uid: int, gid: int, mode: int) -> None:
    """Writes a file by rename; it has its owner and mode before it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _own(draft, uid, gid, mode)
        draft.rename(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _own(path: Path, uid: int, gid: int, mode: int) -> None:
    os.chown(path, uid, gid)
    path.chmod(mode)


def _owned(path: Path) -> dict[str, int]:
    stat = path.stat()
    return {"uid": stat.st_uid, "gid": stat.st_gid, "mode": stat.st_mode & 0o7777}
