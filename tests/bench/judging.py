"""What the policy pack adds to a region stack's preview: the same preview with and without it, in turns, in one run.

On the provider double, all real processes. The pack starts beside the program, on the other core; processor time tells what both take.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from regions import PROJECT, STACK, yard

TURNS = 9
GOALS = {"added": 0.15}
"""At most, of the preview's time."""


def cost(say: Callable[[str], None]) -> dict[str, Any]:
    """Medians over the turns; `added` is the median of the pairs, each of two previews right after each other."""
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        place = yard(Path(folder) / "stack", 0)
        config = Path(folder) / "policies.json"
        config.write_text(json.dumps({"all": "advisory"}))
        pack = ["--policy-pack", str(PROJECT / "policies"), "--policy-pack-config", str(config)]
        _previewed(*place, pack)  # the first one compiles
        pairs = []
        for turn in range(TURNS):
            pairs.append((_previewed(*place, []), _previewed(*place, pack)))
            (plain, spent), (judged, spent_too) = pairs[-1]
            say(f"preview of {STACK}, {turn + 1}/{TURNS}: {plain:.2f} s ({spent:.2f} s CPU), judged {judged:.2f} s ({spent_too:.2f} s CPU)")
    return {
        "goals": GOALS,
        "preview_seconds": round(statistics.median(plain[0] for plain, _ in pairs), 2),
        "judged_seconds": round(statistics.median(judged[0] for _, judged in pairs), 2),
        "added": round(statistics.median(judged[0] / plain[0] - 1 for plain, judged in pairs), 3),
        "added_cpu": round(statistics.median(judged[1] / plain[1] - 1 for plain, judged in pairs), 3),
    }


def _previewed(root: Path, environment: dict[str, str], flags: list[str]) -> tuple[float, float]:
    """Seconds by the clock, and of processors by the engine and all that it started."""
    before, began = _spent(), time.monotonic()
    command = [sys.executable, "-m", "domicile.engine", "preview", "--stack", STACK, *flags]
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"preview of {STACK} failed: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return time.monotonic() - began, _spent() - before


def _spent() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
