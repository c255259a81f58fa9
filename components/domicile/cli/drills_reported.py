"""What a region's worker hosts reported of their drills: for `domicile drill`, by AWS's own command."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from domicile.cli.exit import CliError
from domicile.cli.region_reported import names_of, points

if TYPE_CHECKING:
    from domicile.aws.names import Names
    from domicile.config import PerimeterConfig
    from domicile.config.aws import Aws

PERIOD_SECONDS = 3600


def reported(config: PerimeterConfig, environment: str | None = None) -> dict[str, Any]:
    """Passed only if at least one drill was reported within twice their interval, and none that failed. Raises `CliError`."""
    from domicile.cli.aws_command import require_account

    if (aws := config.aws) is None:
        raise CliError(f"stack {config.stack} has no section `aws`")
    require_account(aws)
    hours = -(-2 * int(aws.alarms.drill_seconds) // PERIOD_SECONDS) + 1
    passed, failed = (_sum(aws, names_of(config, aws, environment), name, hours) for name in ("DrillPassed", "DrillFailed"))
    problem = "" if passed else "no host reported a drill that passed"
    if failed:
        problem = f"{failed} failed: see Alarm: drill-failed in the runbook"
    return {
        "stack": config.stack, "passed": not problem, "hours": hours, "drills_passed": passed, "drills_failed": failed,
        "problem": problem,
    }  # fmt: skip


def _sum(aws: Aws, names: Names, metric: str, hours: int) -> int:
    return sum(int(point["Sum"]) for point in points(aws, names, metric, "Sum", PERIOD_SECONDS, timedelta(hours=hours)))
