"""Memory of a perimeter: of its sandboxes' cgroups, of its services' processes, and of the whole machine."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bed import SERVICES

from domicile_host.dispatcher.container import Labels


@dataclass(frozen=True)
class Memory:
    """Bytes. A process's share counts pages that it has in common with others in part (PSS)."""

    sandboxes: int
    """What the kernel charges to the sandboxes: anonymous and tmpfs pages, page tables, stacks."""
    monitors: int
    """Shares of the processes that podman keeps beside each container (conmon)."""
    services: dict[str, int]
    available: int
    """What the machine has left, for all that isn't counted above: links, tables, sockets, and whatever else runs there."""


def look(stack: str) -> Memory:
    """As it is now."""
    label = ",".join(f"{name}={value}" for name, value in Labels(stack, "").of_host().items() if value)
    found = _containers(f"label={label}")
    sandboxes = [each for each in found if "domicile.sandbox" in each["Config"]["Labels"] and each["State"]["Running"]]
    services = {each["Config"]["Labels"].get("domicile.service"): each["State"]["Pid"] for each in found}
    return Memory(
        sandboxes=sum(_charged(each["State"]["Pid"]) for each in sandboxes),
        monitors=sum(_share(each["State"]["ConmonPid"]) for each in sandboxes),
        services={name: _share(services[name]) for name in SERVICES},
        available=_available(),
    )


def _containers(filter_: str) -> list[dict]:
    names = subprocess.run(["podman", "ps", "--quiet", "--filter", filter_], capture_output=True, text=True, check=True).stdout.split()
    told = subprocess.run(["podman", "inspect", *names], capture_output=True, text=True, check=False).stdout  # some may have ended by now
    return list(json.loads(told or "[]"))


def _charged(pid: int) -> int:
    """Memory that the process's cgroup is charged, without the page cache of files that all sandboxes share."""
    groups = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines())
    if "memory" in groups:  # cgroup v1
        folder = Path("/sys/fs/cgroup/memory" + groups["memory"])
        told = _numbers(folder / "memory.stat")
        kernel = folder / "memory.kmem.usage_in_bytes"
        return told["total_rss"] + told.get("total_shmem", 0) + (int(kernel.read_text()) if kernel.exists() else 0)
    told = _numbers(Path("/sys/fs/cgroup" + groups[""]) / "memory.stat")
    return told["anon"] + told["shmem"] + told["kernel"]


def _share(pid: int) -> int:
    try:
        return _numbers(Path(f"/proc/{pid}/smaps_rollup"))["Pss:"] * 1024
    except (FileNotFoundError, ProcessLookupError, KeyError):
        return 0  # it has ended


def _available() -> int:
    return _numbers(Path("/proc/meminfo"))["MemAvailable:"] * 1024


def _numbers(path: Path) -> dict[str, int]:
    lines = (line.split() for line in path.read_text().splitlines())
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
