"""A region's fleet as AWS tells of it: for `domicile status`, by AWS's own command."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from domicile.aws.names import Names
    from domicile.config import PerimeterConfig
    from domicile.config.aws import Aws

METRICS = ("WorkWaiting", "WorkPending", "OldestItemAgeSeconds", "WorkersPolling")
"""Of the function that watches the queue."""
KEY_METRICS = ("EnvironmentKeyAgeSeconds", "KeyDrainSeconds")
"""The same, where a key opens it."""
LATELY_MINUTES = 15
"""It looks every minute, or every five with webhooks."""


def names_of(config: PerimeterConfig, aws: Aws, environment: str | None) -> Names:
    """The names of what is one environment's; `config` is what is in force for it."""
    from domicile.aws.names import Names

    return Names.of(config, aws).for_environment(environment or "")


def reported(config: PerimeterConfig, aws: Aws, environment: str | None) -> dict[str, Any]:
    """`hosts` (None: there is no fleet), what was published lately in `queue`, the `alarms` that sound. `up`: as many hosts serve as are
    wanted, and the alarm on nobody polling is silent. Raises `CliError`."""
    from domicile.cli.aws_command import require_account

    require_account(aws)
    names = names_of(config, aws, environment)
    hosts, alarms = _hosts(aws, names), _alarms(aws, names)
    metrics = METRICS if names.workspace else (*METRICS, *KEY_METRICS)
    serve = hosts is not None and hosts["in_service"] >= hosts["desired"]
    return {
        "stack": config.stack, "environment": environment, "up": serve and names.called("nobody-polls") not in alarms, "hosts": hosts,
        "queue": {metric: _newest(aws, names, metric) for metric in metrics}, "alarms": alarms,
    }  # fmt: skip


def _hosts(aws: Aws, names: Names) -> dict[str, int] | None:
    groups = _told(aws, "autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", names.group("worker-hosts"))
    if not (found := groups["AutoScalingGroups"]):
        return None
    states = [host["LifecycleState"] for host in found[0]["Instances"]]
    serving = states.count("InService")
    return {"desired": found[0]["DesiredCapacity"], "maximum": found[0]["MaxSize"], "in_service": serving, "other": len(states) - serving}


def _alarms(aws: Aws, names: Names) -> list[str]:
    """Those that sound and are of this environment. A stack's names also begin those of a stack with a longer name: the nouns tell."""
    told = _told(aws, "cloudwatch", "describe-alarms", "--state-value", "ALARM", "--alarm-name-prefix", names.called(""))
    return sorted(
        alarm["AlarmName"] for alarm in told["MetricAlarms"]
        if alarm.get("Namespace") == names.metrics and {"Name": "Stack", "Value": names.stack} in alarm.get("Dimensions", [])
    )  # fmt: skip


def _newest(aws: Aws, names: Names, metric: str) -> float | None:
    """None: nothing was published lately, so that nobody knows."""
    found = points(aws, names, metric, "Maximum", 60, timedelta(minutes=LATELY_MINUTES))
    newest = max(found, key=lambda point: str(point["Timestamp"]), default=None)
    return None if newest is None else float(newest["Maximum"])


def points(aws: Aws, names: Names, metric: str, statistic: str, period_seconds: int, back: timedelta) -> list[dict[str, Any]]:
    """What was published of an environment's metric since then: CloudWatch's points, in no order. Raises `CliError`."""
    now = datetime.now(UTC)
    told = _told(
        aws, "cloudwatch", "get-metric-statistics", "--namespace", names.metrics, "--metric-name", metric,
        "--dimensions", f"Name=Stack,Value={names.stack}", "--statistics", statistic, "--period", str(period_seconds),
        "--start-time", (now - back).isoformat(timespec="seconds"), "--end-time", now.isoformat(timespec="seconds"),
    )  # fmt: skip
    found: list[dict[str, Any]] = told["Datapoints"]
    return found


def _told(aws: Aws, *arguments: str) -> dict[str, Any]:
    from domicile.cli.aws_command import run

    found: dict[str, Any] = json.loads(run(aws, *arguments, "--output", "json"))
    return found


def show(say: Any, report: dict[str, Any]) -> None:
    """In words; a number that isn't known is said to be none."""
    hosts, queue = report["hosts"], report["queue"]
    whose = f", environment {report['environment']}" if report["environment"] else ""
    say(f"stack {report['stack']}{whose}: {'up' if report['up'] else 'not up'}", markup=False)
    fleet = "no fleet: aws.images isn't set, or the stack isn't up"
    if hosts:
        fleet = f"{hosts['in_service']} of {hosts['desired']} in service, {hosts['other']} starting or ending, at most {hosts['maximum']}"
    say(f"worker hosts: {fleet}", markup=False)
    say("queue: " + ", ".join(f"{_value(queue[name])} {text}" for name, text in (("WorkWaiting", "waiting"), ("WorkPending", "claimed"))))
    say(f"workers polling: {_value(queue['WorkersPolling'])}")
    if KEY_METRICS[0] in queue:
        say(f"environment key: {_key(*(queue[name] for name in KEY_METRICS))}")
    say("alarms: " + (", ".join(report["alarms"]) or "none"), markup=False)


def _key(age: float | None, drain: float | None) -> str:
    old = "age not known" if age is None else f"{age / 86_400:.1f} days old"
    if drain is None:
        return f"{old}, not known whether hosts are drained"
    return f"{old}, hosts not yet drained for {drain:.0f} s" if drain else f"{old}, hosts drained"


def _value(number: float | None) -> str:
    return "?" if number is None else f"{number:.0f}"
