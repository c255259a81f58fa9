"""Assets and archives among property values: what their content is, as the hash that Pulumi gives it.

An asset's hash is the SHA-256 of its bytes. An archive file's too; any other archive's is that of the tar which Go's archive/tar
writes of its members: in the order of their names, mode 0600, no owner, no time. Source: pulumi's sdk/go/common/resource, asset.go and
archive.go (3.272), and Go's archive/tar; held to both by the hashes in the tests.
"""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from .errors import EngineError, UnsupportedError
from .values import ASSETS, SIGNATURE, Secret

ASSET, ARCHIVE = ASSETS
_TARS, _ZIPS = (".tar", ".tgz", ".tar.gz"), (".zip", ".jar")
_BLOCK, _NAME_BYTES, _PREFIX_BYTES, _MOST = 512, 100, 155, 0o77777777777
Member = tuple[str, int, IO[bytes]]  # name, size in bytes, content


class AssetError(EngineError):
    """An asset's or archive's content can't be read."""


def hashed(value: Any, folder: Path) -> Any:
    """The value with the hash of each asset and archive that has none yet; relative paths are from `folder`.

    Raises AssetError if one can't be read, UnsupportedError if it would have to be fetched.
    """
    if isinstance(value, Secret):
        return Secret(hashed(value.value, folder), value.ciphertext)
    if isinstance(value, list):
        return [hashed(x, folder) for x in value]
    if not isinstance(value, dict):
        return value
    value = {k: hashed(x, folder) for k, x in value.items()}
    if value.get(SIGNATURE) not in (ASSET, ARCHIVE) or value.get("hash"):
        return value
    try:
        digest = _asset_hash(value, folder) if value[SIGNATURE] == ASSET else _archive_hash(value, folder)
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as e:
        raise AssetError(f"{value.get('path') or value.get('uri') or 'an archive'} can't be read: {e}") from e
    return {SIGNATURE: value[SIGNATURE], "hash": digest, **{k: v for k, v in value.items() if k not in (SIGNATURE, "hash")}}


def alike(a: Any, b: Any) -> bool:
    """Whether two values are one, with assets and archives compared by their content, wherever it comes from."""
    if isinstance(a, Secret) and isinstance(b, Secret):
        return alike(a.value, b.value)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(alike, a, b))
    if not (isinstance(a, dict) and isinstance(b, dict)):
        return bool(a == b)
    if a.get(SIGNATURE) in (ASSET, ARCHIVE) and a.get(SIGNATURE) == b.get(SIGNATURE):
        if a.get("hash") and b.get("hash"):
            return bool(a["hash"] == b["hash"])
        a, b = ({k: v for k, v in x.items() if k != "hash"} for x in (a, b))
    return a.keys() == b.keys() and all(alike(a[k], b[k]) for k in a)


def _asset_hash(asset: dict[str, Any], folder: Path) -> str:
    with _opened(asset, folder) as content:
        return _sha256(content)


def _sha256(content: Any) -> str:
    return hashlib.file_digest(content, "sha256").hexdigest()


def _opened(asset: dict[str, Any], folder: Path) -> IO[bytes]:
    path = _path(asset, folder)
    if path is None:
        return io.BytesIO(str(asset.get("text") or "").encode())
    if path.is_dir():
        raise AssetError(f"the asset {path} is a folder; use a FileArchive for it")
    return path.open("rb")


def _path(value: dict[str, Any], folder: Path) -> Path | None:
    """Where an asset or archive lies; None if its content is within itself."""
    if uri := value.get("uri"):
        parts = urlsplit(str(uri))
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise UnsupportedError(f"a remote asset or archive ({uri})", "", "fetch it and give its path, or use Pulumi's own CLI")
        return Path(unquote(parts.path))
    return folder / str(value["path"]) if value.get("path") else None


def _archive_hash(archive: dict[str, Any], folder: Path) -> str:
    path = _path(archive, folder)
    if path is not None and path.name.endswith((*_TARS, *_ZIPS)):
        with path.open("rb") as file:
            return _sha256(file)
    digest, seen = hashlib.sha256(), set[str]()
    for name, size, content in _members(archive, folder):
        if name in seen:
            continue
        seen.add(name)
        digest.update(_head(name, size))
        while chunk := content.read(1 << 20):
            digest.update(chunk)
        digest.update(bytes(-size % _BLOCK))
    digest.update(bytes(2 * _BLOCK))
    return digest.hexdigest()


def _members(archive: dict[str, Any], folder: Path) -> Iterator[Member]:
    """The files of an archive in Pulumi's order. Each is open only until the next is asked for."""
    path = _path(archive, folder)
    if path is None:
        for name, value in sorted((archive.get("assets") or {}).items()):
            if value.get(SIGNATURE) == ARCHIVE:
                for inner, size, content in _members(value, folder):
                    yield posixpath.normpath(posixpath.join(name, inner)), size, content
            else:
                with _opened(value, folder) as content:
                    yield name, content.seek(0, os.SEEK_END), _rewound(content)
    elif path.name.endswith(_TARS):
        yield from _of_tar(path)
    elif path.name.endswith(_ZIPS):
        yield from _of_zip(path)
    elif path.is_dir():
        yield from _of_folder(path, "")
    else:
        raise AssetError(f"the archive {path} is neither a folder nor a file that ends in {', '.join((*_TARS, *_ZIPS))}")


def _rewound(content: IO[bytes]) -> IO[bytes]:
    content.seek(0)
    return content


def _of_folder(folder: Path, name: str) -> Iterator[Member]:
    """The folder's files, depth first by name; links to folders and `.pulumi` are left out."""
    for entry in sorted(os.scandir(folder), key=lambda e: e.name):
        inner = f"{name}{entry.name}"
        if entry.name == ".pulumi" or (entry.is_symlink() and entry.is_dir()):
            continue
        if entry.is_dir():
            yield from _of_folder(Path(entry.path), f"{inner}/")
        else:
            with Path(entry.path).open("rb") as content:
                yield inner, os.fstat(content.fileno()).st_size, content


def _of_tar(path: Path) -> Iterator[Member]:
    with tarfile.open(path) as tar:
        for info in tar:
            content = tar.extractfile(info) if info.isreg() else None
            if content is not None:
                yield posixpath.normpath(info.name), info.size, content


def _of_zip(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                with archive.open(info) as content:
                    yield posixpath.normpath(info.filename), info.file_size, content


# -- tar, as Go's archive/tar writes it -------------------------------------------------------------------------------


def _head(name: str, size: int) -> bytes:
    """What stands before a file's content: a USTAR header, or a PAX one where the name or size is too much for that."""
    prefix, base = "", name
    if len(name) > _NAME_BYTES and name.isascii():
        cut = name.rfind("/", 0, _PREFIX_BYTES + 1)
        if cut > 0 and 0 < len(name) - cut - 1 <= _NAME_BYTES:
            prefix, base = name[:cut], name[cut + 1 :]
    records = {"size": str(size)} if size > _MOST else {}
    if not name.isascii() or len(base) > _NAME_BYTES or (records and prefix):
        records["path"] = name
    if not records:
        return _block(base, 0o600, size, b"0", prefix, device=True)
    data = b"".join(_record(k, v) for k, v in sorted(records.items()))
    folder, _, file = name.rpartition("/")
    extra = _ascii(posixpath.normpath(posixpath.join(folder, "PaxHeaders.0", file)))[:_NAME_BYTES].rstrip("/")
    before = _block(extra, 0, len(data), b"x", "", device=False) + data + bytes(-len(data) % _BLOCK)
    return before + _block(_shortened(_ascii(name)), 0o600, size if size <= _MOST else 0, b"0", "", device=True)


def _ascii(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def _shortened(name: str) -> str:
    """A name that doesn't fit is cut, and must not look like a folder's then."""
    cut = name[:_NAME_BYTES]
    return cut.rstrip("/") if len(name) > _NAME_BYTES else cut


def _record(key: str, value: str) -> bytes:
    body = f" {key}={value}\n".encode()
    length = len(body) + len(str(len(body)))
    return str(len(body) + len(str(length))).encode() + body


def _block(name: str, mode: int, size: int, kind: bytes, prefix: str, device: bool) -> bytes:
    owner = b"0000000\0"
    numbers = f"{mode:07o}\0".encode() + owner + owner + f"{size:011o}\0".encode() + b"00000000000\0"
    magic = b"ustar" + bytes(1) + b"00" + bytes(64) + (owner + owner if device else bytes(16))
    rest = kind + bytes(100) + magic + prefix.encode().ljust(_PREFIX_BYTES, b"\0") + bytes(12)
    head = name.encode().ljust(_NAME_BYTES, b"\0") + numbers
    total = sum(head) + sum(rest) + 8 * ord(" ")
    return head + f"{total:06o}\0 ".encode() + rest
