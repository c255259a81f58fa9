"""Runs the test suites, each in a process of its own: `python tests [SUITE…]`, or `make test`.

Pulumi's and Envoy's protocol packages both register `google.rpc`, so no one process can import both; the product never does.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent
LAST = ("perimeter",)
"""Suites that take the longest and need all others' subjects to be whole."""
SIDE_BY_SIDE = ("engine", "rehearsal", "stacks")
"""Suites whose tests share nothing on the machine: as many run at once as there are cores."""


@dataclass(frozen=True)
class Outcome:
    """What one suite came to."""

    suite: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def suites() -> list[str]:
    """Every folder of tests, the quick judgements first."""
    found = sorted(path.name for path in TESTS.iterdir() if path.is_dir() and any(path.rglob("test_*.py")))
    return [name for name in found if name not in LAST] + [name for name in LAST if name in found]


def run(suite: str) -> Outcome:
    """Runs one suite. One that ends otherwise than by its tests (a crash, a fault in collection) counts as a failure."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", str(TESTS / suite), "--quiet", f"--junit-xml={report}"]
        command += ["--numprocesses", "auto", "--dist", "worksteal"] if suite in SIDE_BY_SIDE else []
        code = subprocess.run(command, cwd=TESTS.parent, check=False).returncode
        counts = _counts(report) if report.exists() else {}
    failed = counts.get("failures", 0) + counts.get("errors", 0)
    skipped, total = counts.get("skipped", 0), counts.get("tests", 0)
    return Outcome(suite, total - failed - skipped, failed or int(code != 0), skipped, time.monotonic() - start)


def _counts(report: Path) -> dict[str, int]:
    [suite] = ElementTree.parse(report).getroot().iter("testsuite")
    return {name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors", "skipped")}


def main() -> int:
    """0 when every test passed; 2 for a suite that isn't there."""
    wanted = sys.argv[1:] or suites()
    unknown = [name for name in wanted if name not in suites()]
    if unknown:
        print(f"no suite {', '.join(unknown)}: there are {', '.join(suites())}", file=sys.stderr)
        return 2
    outcomes = []
    for suite in wanted:
        print(f"\n--- {suite}", flush=True)
        outcomes.append(run(suite))
    print("\nsuite           passed  failed  skipped  seconds")
    for outcome in outcomes:
        print(f"{outcome.suite:<15} {outcome.passed:>6}  {outcome.failed:>6}  {outcome.skipped:>7}  {outcome.seconds:>7.0f}")
    passed, failed, skipped = (sum(getattr(o, name) for o in outcomes) for name in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
