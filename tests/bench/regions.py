"""What a region's stack costs to look at: its preview against an empty program's, its imports, and how both grow with what it holds.

On the provider double, all real processes; needs no root and no perimeter. What grows in a stack is its environments, so those are what is
counted up, beside the form that a stack with a single one has. The first preview of all is told apart: the types have yet to be parsed.
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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import yaml
from peaks import watched

from domicile.config.environments import DOORS
from domicile.engine import Project, Stack
from domicile.rehearsal import Rehearsal
from domicile.rehearsal.stages.scene import STAND_IN_IMAGES

PROJECT = Path(__file__).parents[2]
STACK = "tokyo"
ENVIRONMENTS = (1, 10, 100)
COMPARED = ("empty program", "whole stack")
TURNS, PAIRS = 3, 9
"""Of all; of what is compared, which takes a second or two and differs by a third from turn to turn on a machine with other guests."""
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
    """Seconds are the best of some turns, taken alternately, and `times_empty` is the median of the pairs. Memory is looked at in one turn
    more, as looking takes its own time."""
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        yards = {name: yard(Path(folder) / name.partition(" ")[0], 0) for name in COMPARED}
        yards |= {f"{n} environments": yard(Path(folder) / str(n), n) for n in ENVIRONMENTS}
        (yards["empty program"][0] / "stacks" / "__main__.py").write_text("import pulumi\n")
        for _, environment in yards.values():
            environment["XDG_CACHE_HOME"] = str(Path(folder) / "cache")  # no types in it yet
        first = _run("preview", *yards["whole stack"])
        say(f"first preview of {STACK}: {first:.1f} s")
        seconds: dict[str, list[float]] = {name: [] for name in yards}
        turns = [*[COMPARED] * (PAIRS - TURNS), *[tuple(yards)] * TURNS]
        for turn, names in enumerate(turns, 1):
            for name in names:
                seconds[name].append(_run("preview", *yards[name]))
                say(f"preview of {STACK}, {name}, turn {turn} of {len(turns)}: {seconds[name][-1]:.2f} s")
        memory = {name: _peaks_mb("preview", *place) for name, place in yards.items()}
        states = {name: _state_mb(*place, say=say) for name, place in yards.items() if name != "empty program"}
    best = {name: round(min(each), 2) for name, each in seconds.items()}
    return {
        "goals": GOALS, "first_preview_seconds": round(first, 2), "preview_seconds": best, "preview_mb": memory, "state_mb": states,
        "times_empty": round(median(whole / empty for empty, whole in zip(*(seconds[name] for name in COMPARED), strict=True)), 2),
    } | _imports()  # fmt: skip


def yard(root: Path, environments: int) -> tuple[Path, dict[str, str]]:
    """A copy of the project whose stack has so many environments (0: the form of a single one), and where it is previewed."""
    root.mkdir()
    shutil.copytree(PROJECT / "stacks", root / "stacks")
    shutil.copy(PROJECT / "Pulumi.yaml", root)
    (root / "backend").mkdir()
    file = root / "stacks" / f"Pulumi.{STACK}.yaml"
    content = yaml.safe_load(file.read_text())
    config = content["config"]
    config["domicile:aws"]["images"] = STAND_IN_IMAGES
    if environments:
        del config["domicile:environment"]
        config["domicile:environments"] = {f"team-{place}": _environment(place) for place in range(environments)}
    for exception in config.get("domicile:residency", {}).get("exceptions", []):
        exception["expires"] = str(date.today() + timedelta(days=30))
    file.write_text(yaml.safe_dump(content))
    backend = {"PULUMI_BACKEND_URL": f"file://{root / 'backend'}", "PULUMI_CONFIG_PASSPHRASE": "bench"}
    Stack.of(Project.load(root), STACK, backend["PULUMI_BACKEND_URL"], "bench").init()
    return root, {**os.environ, **Rehearsal(root / "rehearsal").plugins("aws"), **backend}


def _environment(place: int) -> dict[str, Any]:
    rules = [{"host": f"host-{place}.example.com"}]
    return {"id": f"env_{place}", "tier": 1 + place // DOORS, "hosts": {"max": 2}, "egress": {"rules": rules}}


def _run(verb: str, root: Path, environment: dict[str, str], *flags: str) -> float:
    """Seconds."""
    began = time.monotonic()
    with _started(verb, root, environment, *flags) as running:
        running.wait()
        return time.monotonic() - began


def _peaks_mb(verb: str, root: Path, environment: dict[str, str]) -> dict[str, int]:
    """The most memory that each of the operation's processes had."""
    with _started(verb, root, environment) as running:
        return {role: round(peak / 1e6) for role, peak in watched(running).items() if peak}


@contextmanager
def _started(verb: str, root: Path, environment: dict[str, str], *flags: str) -> Iterator[subprocess.Popen[bytes]]:
    """The operation's engine, to be waited for. Raises RuntimeError if it failed."""
    command = [sys.executable, "-m", "domicile.engine", verb, "--stack", STACK, *flags]
    with (root / "output").open("w+") as output:
        running = subprocess.Popen(command, cwd=root, env=environment, stdout=output, stderr=output)
        yield running
        if running.returncode:
            output.seek(0)
            raise RuntimeError(f"{verb} of {STACK} failed: {output.read()[-2000:]}")


def _state_mb(root: Path, environment: dict[str, str], say: Callable[[str], None]) -> float:
    """Of the stack's state once it is applied."""
    seconds = _run("up", root, environment, "--yes", "--skip-preview")
    size = (root / "backend" / ".pulumi" / "stacks" / "domicile" / f"{STACK}.json").stat().st_size / 1e6
    say(f"up of {STACK}, {root.name}: {seconds:.1f} s, its state {size:.1f} MB")
    return round(size, 2)


def _imports() -> dict[str, float]:
    """Of the stack's program with every name of the provider's SDK that the rooms use, beyond `import pulumi` alone."""
    sources = "\n".join(
        path.read_text() for path in (PROJECT / "components" / "domicile").rglob("*.py") if "import pulumi_aws" in path.read_text()
    )
    names = sorted(set(re.findall(r"\b(?:pulumi_)?aws\.([a-z0-9]+\.[A-Z]\w+|[a-z0-9]+\.get_\w+)\(", sources)))
    whole = "import pulumi, domicile, domicile.config, domicile.aws.region, pulumi_aws\ndomicile.aws.region.sdk.load_by_file()\n"
    alone, together = _best("import pulumi"), _best(whole + "\n".join(f"pulumi_aws.{name}" for name in names))
    return {"import_seconds": round(together[0] - alone[0], 2), "import_mb": round(together[1] - alone[1]), "import_names": len(names)}


def _best(imports: str) -> tuple[float, float]:
    command = [sys.executable, "-c", MEASURED.format(imports=imports)]
    found = [json.loads(subprocess.check_output(command, text=True)) for _ in range(TURNS)]
    return min(seconds for seconds, _ in found), min(mb for _, mb in found)
