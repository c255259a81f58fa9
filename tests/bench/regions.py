"""What a region's stack costs to look at: its preview against an empty program's, its imports, and how both grow with what it holds.

On the provider double, all real processes; needs no root and no perimeter. A stack holds one environment; what grows in it are credentials,
each a secret of its own with its policy, so those are what is counted up.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from domicile.engine import Project, Stack
from domicile.rehearsal import Rehearsal
from domicile.rehearsal.stages.scene import STAND_IN_IMAGES

PROJECT = Path(__file__).parents[2]
STACK = "tokyo"
CREDENTIALS = (1, 10, 100)
TURNS = 3
GOALS = {"times_empty": 3.0, "import_seconds": 0.9, "import_mb": 120}
"""At most: a whole stack's preview against an empty program's; its imports beyond pulumi's own."""
MEASURED = """
import json, time
began = time.process_time()
{imports}
spent = time.process_time() - began
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([spent, int(peak.split()[1]) / 1024]))
"""
"""Processor time, which other work on the machine disturbs less; the peak of this process alone."""


def cost(say: Callable[[str], None]) -> dict[str, Any]:
    """Seconds are the best of some turns, taken alternately."""
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        places = {f"{n} credentials": yard(Path(folder) / str(n), n) for n in CREDENTIALS}
        places["empty program"] = yard(Path(folder) / "empty", 0)
        (places["empty program"][0] / "stacks" / "__main__.py").write_text("import pulumi\n")
        times: dict[str, list[float]] = {name: [] for name in places}
        for turn in range(TURNS):
            for name, place in places.items():
                times[name].append(_previewed(*place))
                say(f"preview of {STACK}, {name}, {turn + 1}/{TURNS}: {times[name][-1]:.1f} s")
    best = {name: round(min(found), 2) for name, found in times.items()}
    return {"goals": GOALS, "preview_seconds": best, "times_empty": round(best["1 credentials"] / best["empty program"], 1)} | _imports()


def yard(root: Path, credentials: int) -> tuple[Path, dict[str, str]]:
    """A copy of the project whose stack has so many credentials, and the environment in which it is previewed."""
    root.mkdir()
    shutil.copytree(PROJECT / "stacks", root / "stacks")
    shutil.copy(PROJECT / "Pulumi.yaml", root)
    (root / "backend").mkdir()
    file = root / "stacks" / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(file.read_text())
    config = content["config"]
    config["domicile:aws"]["images"] = STAND_IN_IMAGES
    config["domicile:egress"]["rules"] = [_rule(place) for place in range(credentials)]
    for exception in config.get("domicile:residency", {}).get("exceptions", []):
        exception["expires"] = str(date.today() + timedelta(days=30))
    file.write_text(yaml.safe_dump(content))
    backend = {"PULUMI_BACKEND_URL": f"file://{root / 'backend'}", "PULUMI_CONFIG_PASSPHRASE": "bench"}
    Stack.of(Project.load(root), STACK, backend["PULUMI_BACKEND_URL"], "bench").init()
    return root, {**os.environ, **Rehearsal(root / "rehearsal").plugins("aws"), **backend}


def _rule(place: int) -> dict[str, Any]:
    credential = {"name": f"team-{place}", "header": "authorization"}
    return {
        "host": f"host-{place}.example.com",
        "mode": "inspect",
        "http": [{"methods": ["GET"], "paths": ["/"]}],
        "credential": credential,
    }


def _previewed(root: Path, environment: dict[str, str]) -> float:
    began = time.monotonic()
    command = [sys.executable, "-m", "domicile.engine", "preview", "--stack", STACK]
    ran = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"preview of {STACK} failed: {ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return time.monotonic() - began


def _imports() -> dict[str, float]:
    """Of the stack's program with every module of the provider that the rooms name, beyond `import pulumi` alone."""
    sources = "\n".join(path.read_text() for path in (PROJECT / "components" / "domicile").rglob("*.py") if "aws" in str(path))
    modules = sorted({f"pulumi_aws.{name}" for name in re.findall(r"\b(?:pulumi_)?aws\.([a-z0-9]+)\.[A-Z]", sources)})
    whole = "\n".join(f"import {name}" for name in ("pulumi", "domicile.config", "domicile", "domicile.aws", *modules))
    alone, together = _best("import pulumi"), _best(whole)
    return {"import_seconds": round(together[0] - alone[0], 2), "import_mb": round(together[1] - alone[1])}


def _best(imports: str) -> tuple[float, float]:
    command = [sys.executable, "-c", MEASURED.format(imports=imports)]
    found = [json.loads(subprocess.check_output(command, text=True)) for _ in range(TURNS)]
    return min(seconds for seconds, _ in found), min(mb for _, mb in found)
