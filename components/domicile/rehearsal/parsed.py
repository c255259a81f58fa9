"""What has been parsed of an SDK, kept on disk for the next process: a plugin's types, by what was looked up.

One JSON file for each copy of a package and each version of the parser, in the user's cache folder; safe to delete at any time. An entry
holds only as long as every file that it was parsed from is the same, byte for byte; a file that can't be read as one of these is as none.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from domicile.engine.state.files import write_atomically

T = TypeVar("T")
_FORM = 1


def folder() -> Path:
    """Where caches of this user go (XDG Base Directory Specification 0.8)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "domicile" / "sdk-types"


class Parsed:
    """Of the package `name` in the folder `root`, as parsed by `parser`, a file of code. Not safe to use from several threads at once."""

    def __init__(self, name: str, root: Path, parser: Path) -> None:
        self._root = root
        self._digests: dict[Path, str] = {}
        key = json.dumps([_FORM, str(root), self._digest(root / "__init__.py"), self._digest(parser)])
        self._path = folder() / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        self._entries = _read(self._path)
        self._new: dict[str, Any] = {}

    def get(self, what: str, decode: Callable[[Any], T]) -> T | None:
        """What was kept under this key; None if nothing is, or not of the files as they are now."""
        try:
            files, value = self._entries[what]
            if all(self._digest(self._root / file) == digest for file, digest in files.items()):
                return decode(value)
        except (KeyError, TypeError, ValueError, AttributeError):  # nobody else's file has this name: it was damaged
            return None
        return None

    def known(self, kind: str) -> list[str]:
        """What is kept of a kind, whether it holds or not."""
        return [name for what in self._entries for said, _, name in [what.partition(" ")] if said == kind]

    def put(self, what: str, value: Any, files: Iterable[Path]) -> None:
        """Keep a value that JSON can say, and that says all that these files have of it."""
        self._new[what] = [{str(file.relative_to(self._root)): self._digest(file) for file in files}, value]

    def save(self) -> None:
        """Write what is new, beside what other processes have written meanwhile. Where nothing can be written, nothing is kept."""
        if not self._new:
            return
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._path, json.dumps({**_read(self._path), **self._new}))

    def _digest(self, file: Path) -> str:
        """Of a file's content; empty if there is no such file."""
        if file not in self._digests:
            try:
                self._digests[file] = hashlib.sha256(file.read_bytes()).hexdigest()
            except FileNotFoundError:
                self._digests[file] = ""
        return self._digests[file]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
