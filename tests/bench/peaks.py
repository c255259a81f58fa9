"""The most memory that the engine, the program and a provider double of one operation had, looked at while they run."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from domicile.engine.language.program import RUNNER

_ROLES = {"program": RUNNER.name, "double": "domicile.rehearsal"}
"""By what stands in a process's command line."""
_LOOK_SECONDS = 0.05


def watched(engine: subprocess.Popen) -> dict[str, int]:
    """Wait for the engine's end: bytes of each, 0 for one that there wasn't."""
    peaks = {"engine": 0, **dict.fromkeys(_ROLES, 0)}
    while engine.poll() is None:
        for role, seen in _looked(engine.pid).items():
            peaks[role] = max(peaks[role], seen)
        time.sleep(_LOOK_SECONDS)
    return peaks


def _looked(pid: int) -> dict[str, int]:
    found: dict[str, int] = {}
    try:
        found["engine"] = _peak_bytes(pid)
        for child in " ".join(each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/children")).split():
            command = Path(f"/proc/{child}/cmdline").read_text()
            if role := next((role for role, sign in _ROLES.items() if sign in command), ""):
                found[role] = _peak_bytes(int(child))
    except (FileNotFoundError, ProcessLookupError):  # one has just ended
        pass
    return found


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
