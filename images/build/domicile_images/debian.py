"""Debian packages: resolved into a lock with the machine's apt, fetched by that lock, merged into a tree without dpkg.

A lock names a package by version, size, SHA-256 and path below the mirror; which mirror is the machine's own affair, so the
base addresses come from its apt sources each time. Nothing here needs root, and no maintainer script is run.
"""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated

from debian.debfile import DebFile
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from domicile_images.cache import Cache, sha256_of
from domicile_images.tree import Entry, Tree, UnsafePathError, inside, plain

Progress = Callable[[str], None]

NEVER_BY_DEPENDENCY = {
    "adduser": "run by maintainer scripts only",
    "dash": "a shell; /bin/sh is bash where an image has one",
    "debconf": "run by maintainer scripts only",
    "debianutils": "run by maintainer scripts only",
    "dpkg": "a package manager",
    "init-system-helpers": "run by maintainer scripts only",
    "libcap2-bin": "gives files capabilities at installation",
    "liberror-perl": "perl",
    "libgdbm-compat4": "perl",
    "libperl5.36": "perl",
    "libpam-modules": "no image authenticates anybody",
    "login": "set-id programs",
    "mawk": "run by maintainer scripts only",
    "openssl": "makes hashed links to CA certificates at installation; the libraries don't need it",
    "passwd": "set-id programs",
    "perl": "git's optional scripts and maintainer scripts",
    "perl-base": "git's optional scripts and maintainer scripts",
    "perl-modules-5.36": "perl",
    "sysvinit-utils": "run by maintainer scripts only",
    "tar": "run by dpkg only",
}
"""Dependencies that come into an image only when its recipe names them, and why."""

_LEFT_OUT = re.compile(
    r"^(usr/share/(man|locale|info|lintian|bash-completion|applications|pixmaps|perl5|debconf|gitweb|python3|bug|menu|zsh)/"
    r"|usr/share/git-core/(contrib|templates)/|usr/share/doc/(?!.*/copyright$)|var/(cache|backups|mail|local)/"
    r"|usr/lib/python3\.\d+/(test|ensurepip|idlelib|turtledemo|pydoc_data|config-[^/]*)/"
    r"|etc/(cron[^/]*|logrotate\.d|init\.d|default|skel|update-motd\.d|apt)/|usr/bin/(py3compile|py3clean|py3versions|scalar|git-shell)$)"
)
_CERTIFICATES = "usr/share/ca-certificates/mozilla/"
_URI = re.compile(r"^'(?P<uri>\S+)' (?P<file>\S+) (?P<size>\d+) SHA256:(?P<sha256>[0-9a-f]{64})$", re.M)


class Package(BaseModel):
    """One locked package."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    arch: str
    size: int
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    path: str = Field(description="below the mirror's base address")


class AptError(Exception):
    """apt can't resolve or fetch. The message says what to run."""


_Lock = TypeAdapter(tuple[Package, ...])


def read_lock(path: Path) -> tuple[Package, ...]:
    """The locked packages, sorted by name."""
    return _Lock.validate_json(path.read_bytes())


def resolve(names: Sequence[str], left_out: Iterable[str]) -> tuple[Package, ...]:
    """What apt would install on an empty machine for `names`, in the newest versions that its lists know. Raises `AptError`."""
    bases = mirrors()
    drop = ({*NEVER_BY_DEPENDENCY, *left_out}) - set(names)
    found = [_package(match, bases) for match in _URI.finditer(_print_uris(names))]
    if not found:
        raise AptError("apt named no package to fetch; run `apt-get update`, then lock again")
    return tuple(sorted((package for package in found if package.name not in drop), key=lambda package: package.name))


def write_lock(packages: Sequence[Package]) -> bytes:
    """The lock as it lies in the repository: one package a line."""
    lines = ",\n".join(json.dumps(package.model_dump()) for package in packages)
    return f"[\n{lines}\n]\n".encode()


def mirrors() -> list[str]:
    """Base addresses of the machine's Debian archives, from its apt sources. Raises `AptError`."""
    form = "$(ORIGIN) $(REPO_URI)"
    known = _indextargets("--format", form, "Created-By: Packages")
    targets = known or _indextargets("--no-release-info", "--format", form, "Created-By: Packages")
    bases = [line.split()[-1].rstrip("/") for line in targets if line.startswith("Debian ") or not known]
    if not bases:
        raise AptError("this machine's apt sources name no Debian archive; add one below /etc/apt, run `apt-get update`, then build again")
    return list(dict.fromkeys(bases))


def fetch(packages: Sequence[Package], cache: Cache, lock_name: str, progress: Progress) -> None:
    """Brings every locked package into the cache. Raises `AptError` when one is on no mirror, naming `lock_name` to refresh."""
    missing = [package for package in packages if not cache.blob(package.sha256).exists()]
    if not missing:
        return
    with cache.exclusive("debian") as partial:
        for base in mirrors():
            missing = [package for package in missing if not cache.blob(package.sha256).exists()]
            if missing:
                progress(f"fetching {len(missing)} Debian packages, {sum(package.size for package in missing) / 1e6:.0f} MB")
                _download(base, missing, partial)
                for package in missing:
                    _adopt(partial / package.sha256, package.sha256, cache)
    gone = [f"{package.name} {package.version}" for package in packages if not cache.blob(package.sha256).exists()]
    if gone:
        raise AptError(
            f"{', '.join(gone)}: not to be had from this machine's Debian mirrors. If a point release has replaced them, "
            f"run `apt-get update` and `python -m domicile_images lock {lock_name}`, and review the new lock"
        )


def unpack(packages: Sequence[Package], cache: Cache, left_out: Iterable[str]) -> Tree:
    """The merged files of the packages, with the CA bundle and each package's control record."""
    tree, certificates = Tree(), Tree()
    for package in packages:
        deb = DebFile(filename=str(cache.verified(package.sha256)))
        tree.file(f"var/lib/dpkg/status.d/{package.name}", deb.control.get_content("control") or b"")
        with deb.data.tgz() as archive:
            _merge(archive, tree, certificates)
    if certificates.entries:
        tree.file("etc/ssl/certs/ca-certificates.crt", b"".join(data.rstrip() + b"\n" for _, data in certificates.files()))
    for path in left_out:
        for found in [known for known in tree.entries if known == path or known.startswith(f"{path}/")]:
            del tree.entries[found]
    return tree


def _merge(archive: tarfile.TarFile, tree: Tree, certificates: Tree) -> None:
    for member in archive:
        path = inside(member.name)
        if not path or _LEFT_OUT.match(f"{path}/" if member.isdir() else path):
            continue
        if member.isdev() or member.isfifo():
            raise UnsafePathError(f"{path}: a device or pipe in a package")
        if member.issym():
            entry = Entry(link=member.linkname)
        elif member.islnk():
            entry = tree.entries[inside(member.linkname)]
        else:
            reader = archive.extractfile(member)
            entry = plain(Entry(member.mode, reader.read() if reader else None))
        if path.startswith(_CERTIFICATES) and entry.data is not None:
            certificates.put(path, entry)
        else:
            tree.put(path, entry)


def _package(match: re.Match[str], bases: Sequence[str]) -> Package:
    uri = match["uri"]
    base = next((base for base in bases if uri.startswith(f"{base}/")), None)
    if base is None:
        raise AptError(f"{match['file']}: apt would take it from an archive that isn't Debian's; remove that source while locking")
    name, version, arch = match["file"].removesuffix(".deb").split("_")
    return Package(
        name=name,
        version=version.replace("%3a", ":"),
        arch=arch,
        size=int(match["size"]),
        sha256=match["sha256"],
        path=uri.removeprefix(f"{base}/"),
    )


def _print_uris(names: Sequence[str]) -> str:
    """apt's plan on an empty machine. The empty archive folder matters: apt doesn't print what it holds already."""
    with tempfile.TemporaryDirectory() as archives, tempfile.NamedTemporaryFile() as status:
        (Path(archives) / "partial").mkdir()
        options = [
            f"Dir::Cache::archives={archives}",
            f"Dir::State::status={status.name}",
            "APT::Architecture=amd64",
            "APT::Install-Recommends=false",
            "Acquire::ForceHash=SHA256",
        ]
        command = ["apt-get", *(word for option in options for word in ("-o", option)), "--print-uris", "-y", "install", *names]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AptError(f"apt can't resolve {' '.join(names)}: {done.stderr.strip()}\nRun `apt-get update`, then lock again")
    return done.stdout


def _indextargets(*arguments: str) -> list[str]:
    done = subprocess.run(["apt-get", "indextargets", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise AptError(f"apt can't read its sources: {done.stderr.strip()}")
    return done.stdout.splitlines()


def _download(base: str, packages: Sequence[Package], folder: Path) -> None:
    """Tries to fetch from one base. What isn't there is missing afterwards, which `fetch` judges when all were asked."""
    words = [
        word
        for package in packages
        for word in (posixpath.join(base, package.path), str(folder / package.sha256), f"SHA256:{package.sha256}")
    ]
    subprocess.run(["/usr/lib/apt/apt-helper", "-o", "APT::Sandbox::User=root", "download-file", *words], capture_output=True, check=False)


def _adopt(file: Path, sha256: str, cache: Cache) -> None:
    if file.exists() and sha256_of(file) == sha256:
        cache.adopt(file, sha256)
