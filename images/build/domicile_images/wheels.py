"""Python wheels: resolved into a lock of exact files with pip, fetched by hash, unpacked without running anything.

The lock is a requirements file in which every requirement has one version and the hash of the one wheel that fits the images'
Python (CPython 3.11, x86-64, glibc 2.36). Where pip looks is the machine's own configuration; the lock names no index.
"""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domicile_images.cache import Cache, sha256_of
from domicile_images.tree import Tree

PYTHON = "3.11"
SITE = f"usr/local/lib/python{PYTHON}/dist-packages"

_TARGET = [
    "--only-binary=:all:",
    "--implementation=cp",
    f"--python-version={PYTHON}",
    *(f"--platform=manylinux_2_{minor}_x86_64" for minor in range(36, 4, -1)),
    *(f"--platform={tag}_x86_64" for tag in ("manylinux2014", "manylinux2010", "manylinux1", "linux")),
]
_LINE = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+) --hash=sha256:(?P<sha256>[0-9a-f]{64})$")


class Wheel(BaseModel):
    """One locked wheel."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    sha256: str

    @property
    def line(self) -> str:
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


class PipError(Exception):
    """pip can't resolve or fetch. The message says what to do."""


def read_lock(path: Path) -> tuple[Wheel, ...]:
    """The locked wheels; none when there is no lock."""
    if not path.exists():
        return ()
    matches = [(line, _LINE.match(line)) for line in path.read_text().splitlines() if line and not line.startswith("#")]
    bad = [line for line, match in matches if match is None]
    if bad:
        raise PipError(f"{path}: not `name==version --hash=sha256:…`: {bad[0]}")
    return tuple(Wheel.model_validate(match.groupdict()) for _, match in matches if match)


def resolve(requirements: Sequence[str], versions: Sequence[str]) -> tuple[Wheel, ...]:
    """The wheels that pip would install for `requirements` and all they depend on, held to `versions`. Raises `PipError`."""
    with tempfile.TemporaryDirectory() as folder:
        report, constraints = Path(folder, "report.json"), Path(folder, "constraints.txt")
        constraints.write_text("\n".join(versions))
        options = ["--dry-run", "--ignore-installed", f"--target={folder}", f"--report={report}", f"--constraint={constraints}"]
        _pip("install", *options, *_TARGET, *requirements)
        found = json.loads(report.read_text())["install"]
    wheels = [
        Wheel(
            name=re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower(),
            version=item["metadata"]["version"],
            sha256=item["download_info"]["archive_info"]["hashes"]["sha256"],
        )
        for item in found
    ]
    return tuple(sorted(wheels, key=lambda wheel: wheel.name))


def write_lock(wheels: Sequence[Wheel]) -> bytes:
    """The lock as it lies in the repository."""
    return "".join(f"{wheel.line}\n" for wheel in wheels).encode()


def fetch(wheels: Sequence[Wheel], cache: Cache, progress: Callable[[str], None]) -> None:
    """Brings every locked wheel into the cache. Raises `PipError`."""
    missing = [wheel for wheel in wheels if not cache.blob(wheel.sha256).exists()]
    if not missing:
        return
    progress(f"fetching {len(missing)} wheels")
    with cache.exclusive("wheels") as partial:
        lock = partial / "missing.lock"
        lock.write_bytes(write_lock(missing))
        _pip("download", "--require-hashes", "--no-deps", f"--dest={partial}", *_TARGET, "-r", str(lock))
        for file in partial.glob("*.whl"):
            cache.adopt(file, sha256_of(file))


def unpack(wheel: Wheel, cache: Cache, take: dict[str, str]) -> Tree:
    """The wheel's files where python3 finds them, or, with `take`, only those named, at the places named."""
    tree = Tree()
    with zipfile.ZipFile(cache.verified(wheel.sha256)) as archive:
        for member in archive.infolist():
            place = take.get(member.filename) if take else _place(member.filename)
            if place is not None and not member.is_dir():
                executable = bool(member.external_attr >> 16 & 0o111) or bool(take)
                tree.file(place, archive.read(member), executable=executable)
    absent = set(take) and set(take) - {member.filename for member in archive.infolist()}
    if absent:
        raise PipError(f"{wheel.name} {wheel.version} holds no {', '.join(sorted(absent))}; correct `take` in the recipe")
    return tree


def _place(member: str) -> str | None:
    """Where a wheel's member goes (the wheel specification's `.data` folders: scripts and headers serve no service)."""
    top, _, rest = member.partition("/")
    if not top.endswith(".data"):
        return posixpath.join(SITE, member)
    scheme, _, path = rest.partition("/")
    return {"purelib": posixpath.join(SITE, path), "platlib": posixpath.join(SITE, path), "data": f"usr/local/{path}"}.get(scheme)


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PipError(
            f"pip {arguments[0]}: {done.stderr.strip()}\nIf a locked wheel was withdrawn, run `python -m domicile_images lock` and review"
        )
