"""The worker hosts' group: how many there are, and waking it from nothing. Called by `watch` and `webhook`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


class NoGroup(Exception):
    """The worker hosts' group isn't there."""


@dataclass(frozen=True)
class Group:
    """What the group is asked for, what it may grow to, how many of its hosts serve, and how many there are in any state."""

    desired: int
    maximum: int
    serving: int
    hosts: int


def read(scaling: Any, name: str) -> Group:
    """By the client for Auto Scaling. Raises `NoGroup`."""
    found = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])["AutoScalingGroups"]
    if len(found) != 1:
        raise NoGroup(f"there is no group {name}")
    group = found[0]
    serving = sum(1 for host in group["Instances"] if host["LifecycleState"] == "InService")
    return Group(group["DesiredCapacity"], group["MaxSize"], serving, len(group["Instances"]))


def wake(scaling: Any, name: str, group: Group) -> bool:
    """The first host, where there is none and one is allowed; more are the scaling policy's. Doing it again changes nothing."""
    if group.desired > 0 or group.maximum < 1:
        return False
    scaling.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1, HonorCooldown=False)
    return True


def sessions_served(metrics: Any, namespace: str, stack: str, serving: int, now: datetime) -> float | None:
    """Sessions on all hosts: the mean of what hosts report, times the hosts. None where hosts serve and none reports: not known."""
    if serving == 0:
        return 0.0
    points = metrics.get_metric_statistics(
        Namespace=namespace,
        MetricName="SessionsServed",
        Dimensions=[{"Name": "Stack", "Value": stack}],
        StartTime=now - timedelta(minutes=5),
        EndTime=now,
        Period=60,
        Statistics=["Average"],
    )["Datapoints"]
    newest = max(points, key=lambda point: point["Timestamp"], default=None)
    return None if newest is None else float(newest["Average"]) * serving
