"""The CLI's lock of a stack: a file `locks/organization/PROJECT/STACK/UUID.json` while an update runs.

It names the process that holds it; one that died stays behind, and is shown, and is broken only on demand.
"""

from __future__ import annotations

import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from ..errors import LockedError
from ..state.files import write_atomically
from ..state.snapshot import now

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def _here() -> dict[str, str]:
    """What makes a process id mean something: this boot of this host and this PID namespace."""
    return {"boot": _BOOT.read_text().strip() if _BOOT.exists() else "", "pidNamespace": str(Path("/proc/self/ns/pid").readlink())}


@contextmanager
def held(folder: Path, break_dead: bool = False) -> Iterator[None]:
    """Hold the stack's lock. With `break_dead`, one whose process is provably gone from this host is removed first.

    Raises LockedError if anyone else holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if break_dead:
        for path in folder.glob("*.json"):
            if provably_dead(path):
                path.unlink(missing_ok=True)
    mine = folder / f"{uuid.uuid4()}.json"
    _refuse_if_others(folder, mine)
    content = {"pid": os.getpid(), "username": _user(), "hostname": socket.gethostname(), "timestamp": now(), **_here()}
    write_atomically(mine, json.dumps(content))
    try:
        _refuse_if_others(folder, mine)  # two that began at once both step back
        yield
    finally:
        mine.unlink(missing_ok=True)


def _refuse_if_others(folder: Path, mine: Path) -> None:
    others = [p for p in folder.glob("*.json") if p != mine]
    if others:
        lines = "\n".join(f"  {p}: {describe(p)}" for p in others)
        raise LockedError(
            f"the stack is currently locked by {len(others)} lock(s). Either wait for the other process(es) to end or remove the lock "
            f"with `cancel`.\n{lines}"
        )


def describe(path: Path) -> str:
    content = _read(path)
    state = ", which has ended" if provably_dead(path) else ""
    return f"created by {content.get('username')}@{content.get('hostname')} (pid {content.get('pid')}) at {content.get('timestamp')}{state}"


def provably_dead(path: Path) -> bool:
    """Whether the lock's process is surely gone: this host booted anew since, or has no such process that is old enough."""
    content = _read(path)
    here = _here()
    if content.get("hostname") != socket.gethostname() or not content.get("boot") or not content.get("pid"):
        return False
    if content["boot"] != here["boot"]:
        return True
    if content.get("pidNamespace") != here["pidNamespace"]:
        return False
    started = _started(int(content["pid"]))
    return started is None or started > datetime.fromisoformat(str(content["timestamp"])).timestamp() + 2


def _started(pid: int) -> float | None:
    """When the process began (seconds since 1970), or None if there is none, or only its remains."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = next(float(x.split()[1]) for x in Path("/proc/stat").read_text().splitlines() if x.startswith("btime"))
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):  # gone meanwhile, or damaged: it says nothing of its holder
        return {}
    return content if isinstance(content, dict) else {}


def cancel(folder: Path) -> int:
    """Remove every lock of the stack; how many there were."""
    found = list(folder.glob("*.json"))
    for path in found:
        path.unlink(missing_ok=True)
        path.with_name(path.name + ".attrs").unlink(missing_ok=True)
    return len(found)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in many containers
        return str(os.getuid())
