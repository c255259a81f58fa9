"""Runs the test suites, each in a process of its own: `python tests [SUITE…]`, or `make test`.

Pulumi's and Envoy's protocol packages both register `google.rpc`, so no one process can import both; the product never does.
Suites run beside each other, as much of their time is spent waiting: for containers, for processes that start, for leases that end.
They share nothing but the container store and the caches, whose locks are the product's own.
"""

from __future__ import annotations

import asyncio
import compileall
import os
import sys
import tempfile
from pathlib import Path

from lanes import TESTS, Lanes, Suite

FIRST = ("images", "engine", "perimeter", "stacks", "attacks", "dispatcher", "conformance")
"""Suites that begin first: the longest, so that none runs alone at the end, and before a perimeter its images. The others by name."""
CORES = os.cpu_count() or 1
WORKERS = {"engine": CORES, "stacks": CORES}
"""Suites that take minutes and whose own tests share nothing: how many of those run at once."""
STORE = ("images", "machine", "perimeter")
"""Suites that put the product's images into the machine's one container store and take them out: one after another."""
LIMIT_SECONDS = {"perimeter": 1800, "engine": 1800, "stacks": 1800}
OTHERS_LIMIT_SECONDS = 1200
RUN_LIMIT_SECONDS = 2700
"""When what hasn't ended is ended and said to have failed: about three times what it takes on two cores, and below CI's own hour."""


def names() -> list[str]:
    """Every folder of tests, in the order in which they begin."""
    found = sorted(path.name for path in TESTS.iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    return [name for name in FIRST if name in found] + [name for name in found if name not in FIRST]


def suite(name: str, folder: Path) -> Suite:
    limit = LIMIT_SECONDS.get(name, OTHERS_LIMIT_SECONDS)
    return Suite(name, folder, limit, WORKERS.get(name, 1), "container store" if name in STORE else "")


def say(text: str) -> None:
    print(text, flush=True)


def table(suites: list[Suite]) -> str:
    lines = ["suite           passed  failed  skipped  seconds"]
    for each in suites:
        lines.append(
            f"{each.name:<15} {each.passed:>6}  {each.failed:>6}  {each.skipped:>7}  {each.seconds:>7.0f}  {each.trouble}".rstrip()
        )
    passed, failed, skipped = (sum(getattr(each, count) for each in suites) for count in ("passed", "failed", "skipped"))
    return "\n".join([*lines, f"{passed} passed, {failed} failed, {skipped} skipped"])


def main() -> int:
    """0 when every test passed; 2 for a suite that isn't there."""
    wanted = sys.argv[1:] or names()
    unknown = [name for name in wanted if name not in names()]
    if unknown:
        print(f"no suite {', '.join(unknown)}: there are {', '.join(names())}", file=sys.stderr)
        return 2
    for sources in ("components", "images", "policies"):  # the product starts some thousand times, and else compiled itself each time
        compileall.compile_dir(TESTS.parent / sources, quiet=1)
    with tempfile.TemporaryDirectory() as folder:
        suites = [suite(name, Path(folder)) for name in wanted]
        asyncio.run(Lanes(CORES + 2, RUN_LIMIT_SECONDS, say).run(suites))
    say(f"\n{table(suites)}")
    return 1 if any(each.failed for each in suites) else 0


if __name__ == "__main__":
    sys.exit(main())
