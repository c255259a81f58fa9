"""`python tests/bench`: the figures of the README, measured on this machine in one run. It takes some minutes and needs root.

What is compared is measured in the same run, in turns, by the stand-in's own clock; the load that the machine had beside it is told.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import applying
import building
import capacity
import judging
import latency
import regions
import table
from bed import Bed

PARTS = ("latency", "cold", "idle", "active", "up", "images", "engine", "stacks", "policies")
ON_THEIR_OWN = ("images", "engine", "stacks", "policies")
"""Parts that need no perimeter."""
WARM = 2
SPARE = 20
"""Places beside the sessions that are held: none waits for one that is ending."""


def main() -> int:
    options = _options()
    began, figures = time.monotonic(), {"machine": _machine()}

    def say(words: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {words}", file=sys.stderr, flush=True)

    figures |= _measured(options, say)
    figures["machine"] |= {"load_at_end": _load(), "seconds": round(time.monotonic() - began)}
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        table.show(figures)
    return 1 if "failed" in figures else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="figures as JSON, with each single time")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=f"some of {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=15, help="times that each contender is measured (default: %(default)s)")
    parser.add_argument("--idle", type=int, default=200, help="idle sessions to hold at once (default: %(default)s)")
    parser.add_argument("--active", type=int, default=50, help="active sessions to hold at once (default: %(default)s)")
    return parser.parse_args()


def _measured(options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    host = {"capacity": max(options.idle, options.active) + SPARE, "warm": WARM, "limits": {"idle": "0.5s"}}
    if set(options.only) - set(ON_THEIR_OWN):
        say("a perimeter is brought up")
        with Bed.made(workerHost=host, controlPlane={"kind": "stand-in", "pollsPerMinute": 600}) as bed:
            for part in (each for each in PARTS if each in options.only and each not in ON_THEIR_OWN):
                say(part)
                try:
                    figures[part] = _MEASURES[part](bed, options, say)
                except (TimeoutError, RuntimeError) as error:  # what was measured by then is shown all the same
                    say(f"{part} failed: {error}")
                    figures.setdefault("failed", []).append(f"{part}: {error}")
                    break
            say("the perimeter is removed")
    if "images" in options.only:
        figures["images"] = building.images(say)
    if "engine" in options.only:
        figures["engine"] = applying.cost(say)
    if "stacks" in options.only:
        figures["stacks"] = regions.cost(say)
    if "policies" in options.only:
        figures["policies"] = judging.cost(say)
    return figures


def _latency(bed: Bed, options: argparse.Namespace, say: Callable[[str], None]) -> list[dict[str, Any]]:
    return [each.as_json() for each in latency.compare(bed, WARM, options.rounds, say)]


def _cold(bed: Bed, options: argparse.Namespace, say: Callable[[str], None]) -> list[dict[str, Any]]:
    with bed.changed("workerHost", warm=0):
        samples = latency.compare(bed, 0, options.rounds, say, rivals=[latency.CONTAINER_EACH], moments=[latency.WAITING])
    return [each.as_json() for each in samples]


def _idle(bed: Bed, options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    bed.at_rest(WARM)
    return capacity.hold(bed, capacity.HELD, options.idle, say, release=True).as_json()


def _active(bed: Bed, options: argparse.Namespace, say: Callable[[str], None]) -> dict[str, Any]:
    bed.at_rest(WARM)
    return capacity.hold(bed, capacity.ACTIVE, options.active, say, release=False).as_json()


def _up(bed: Bed, _options: argparse.Namespace, _say: Callable[[str], None]) -> dict[str, float]:
    bed.at_rest(WARM)
    return building.up_again(bed)


_MEASURES = {"latency": _latency, "cold": _cold, "idle": _idle, "active": _active, "up": _up}


def _machine() -> dict[str, Any]:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {"cores": os.cpu_count(), "memory_gib": round(memory_bytes / 2**30, 1), "kernel": os.uname().release, "load_at_start": _load()}


def _load() -> float:
    return round(os.getloadavg()[0], 2)


sys.exit(main())
