"""Ignition's own validator and podman's own Quadlet generator, built as `go.mod` and `go.sum` beside this pin them; systemd's own reader.

Debian 12's podman has no generator, and no Debian package has the validator. Both are built once, into the checkout's cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from domicile_images.golang import launcher

HERE = Path(__file__).parent
CACHE = Path(__file__).parents[3] / ".cache" / "validators"
PROGRAMS = {"validate": "github.com/coreos/ignition/v2/validate", "quadlet": "github.com/containers/podman/v5/cmd/quadlet"}
SEPARATOR = re.compile(r"^---(\S+)---$", re.MULTILINE)


@cache
def program(name: str) -> Path:
    """Where it is, built by the first who asks."""
    locks = b"".join((HERE / lock).read_bytes() for lock in ("go.mod", "go.sum"))
    place = CACHE / hashlib.sha256(locks).hexdigest()[:16]
    place.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / name).exists():
            environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
            build = [launcher(), "build", "-p", "1", "-trimpath", "-o", str(place / "partial"), PROGRAMS[name]]
            subprocess.run(build, cwd=HERE, check=True, env=environment)
            (place / "partial").rename(place / name)
    return place / name


def ignition_faults(configuration: str) -> list[str]:
    """What Ignition says of a configuration, warnings too: nothing of a good one."""
    ran = subprocess.run([program("validate"), "-"], input=configuration, capture_output=True, text=True, timeout=60, check=False)
    said = [line for line in (ran.stdout + ran.stderr).splitlines() if line]
    return said or ([f"exit code {ran.returncode}"] if ran.returncode else [])


def generated(units: Mapping[str, str], folder: Path) -> tuple[dict[str, str], list[str]]:
    """The services that podman's generator makes of these `.container` files at a machine's start, and what it says against any."""
    folder.mkdir()
    for name, text in units.items():
        (folder / name).write_text(text)
    environment = {**os.environ, "QUADLET_UNIT_DIRS": str(folder)}
    command = [program("quadlet"), "-dryrun", "-no-kmsg-log"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    faults = [line for line in ran.stderr.splitlines() if not re.search(r"Loading source unit file|Loading override|^$", line)]
    parts = SEPARATOR.split(ran.stdout)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True)), faults or ([f"exit code {ran.returncode}"] if ran.returncode else [])


NEWER_KEYS = {"RestartMode": 254}
"""Keys that this machine's systemd may not know yet, and since when there are (systemd's NEWS). Fedora CoreOS has 257 or newer."""


def systemd_faults(units: Mapping[str, str], folder: Path) -> list[str]:
    """What systemd says of these units, read together: unknown keys and sections, values that it doesn't take, units that aren't there.

    That the programs they start aren't on this machine is no fault.
    """
    folder.mkdir()
    for name, text in units.items():
        (folder / name).write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *map(str, sorted(folder.iterdir()))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    expected = "|".join(f"Unknown key '{key}'" for key in NEWER_KEYS) + r"|Command /\S+ is not executable: No such file"
    return [line for line in ran.stderr.splitlines() if line and not re.search(expected, line)]
