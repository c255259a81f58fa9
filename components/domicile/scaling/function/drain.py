"""The rolling drain after a new version of the environment key: every host that was there before is replaced. Called by `watch`.

Hosts take a new version up where they stand, within a minute, so that an old one can be revoked at once where it must be. That no host
works with the old one any more isn't shown by this: one that can't read the secret keeps what it has in memory. So each is replaced as
well, by the group's own instance refresh: a new host first, then the old one drains by its lifecycle hook and ends.

What decides is the secret's versions and the group's refreshes, which administrators and AWS write. What hosts report isn't asked: who
holds one can neither begin a drain nor put one off. Nothing is kept here: whether a version was drained stands in the group's history.
Source: EC2 Auto Scaling API, StartInstanceRefresh and DescribeInstanceRefreshes (six weeks of history; botocore 1.44).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .group import Group

ATTEMPTS, PAUSE_SECONDS = 5, 3600
"""For one version, and between the end of one attempt and the next: what fails each time replaces no hosts for ever."""

LIFETIME_SPARE_SECONDS = 86_400
"""A group replaces a host some time after its longest lifetime, not at once."""

HISTORY_SECONDS = 40 * 86_400
"""Shorter than AWS's history of refreshes: later a drain that was there can't be told from one that wasn't."""

UNDER_WAY = frozenset({"Pending", "InProgress", "Baking", "Cancelling", "RollbackInProgress"})
PREFERENCES = {"MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "SkipMatching": False}
"""As a changed launch template replaces hosts, but all of them. A host that an administrator has set apart (standby, protected) is waited
for, and after an hour the refresh fails: AWS's default."""


@dataclass(frozen=True)
class Drain:
    """`waiting_seconds`: how long hosts from before the current version may have been there; 0: there are none; None: not known."""

    waiting_seconds: float | None
    due: bool
    """Whether to begin one now."""


def need(scaling: Any, name: str, group: Group, changed: datetime | None, lifetime_seconds: float, now: datetime) -> Drain:
    """By the client for Auto Scaling. `changed`: when the current version took another's place; `lifetime_seconds`: a host's longest."""
    if changed is None or group.hosts == 0:
        return Drain(0.0, False)
    age = (now - changed).total_seconds()
    if age > min(lifetime_seconds + LIFETIME_SPARE_SECONDS, HISTORY_SECONDS):
        return Drain(0.0 if age > lifetime_seconds + LIFETIME_SPARE_SECONDS else None, False)
    every = list(_refreshes(scaling, name))
    drains = [each for each in every if _replaces_all(each) and each.get("StartTime", now) >= changed]
    if any(each["Status"] == "Successful" for each in drains):
        return Drain(0.0, False)
    return Drain(max(0.0, age), not any(each["Status"] in UNDER_WAY for each in every) and _may_begin(drains, now))


def begin(scaling: Any, name: str) -> bool:
    """Whether one was begun; not where another was just faster."""
    try:
        scaling.start_instance_refresh(AutoScalingGroupName=name, Strategy="Rolling", Preferences=PREFERENCES)
    except scaling.exceptions.InstanceRefreshInProgressFault:
        return False
    return True


def _refreshes(scaling: Any, name: str) -> Iterator[Mapping[str, Any]]:
    page = scaling.describe_instance_refreshes(AutoScalingGroupName=name, MaxRecords=100)
    yield from page["InstanceRefreshes"]
    while page.get("NextToken"):
        page = scaling.describe_instance_refreshes(AutoScalingGroupName=name, MaxRecords=100, NextToken=page["NextToken"])
        yield from page["InstanceRefreshes"]


def _replaces_all(refresh: Mapping[str, Any]) -> bool:
    """One of a changed launch template passes over hosts that have it; one that keeps machines keeps what is in their memory."""
    return not refresh.get("Preferences", {}).get("SkipMatching") and refresh.get("Strategy", "Rolling") == "Rolling"


def _may_begin(drains: Sequence[Mapping[str, Any]], now: datetime) -> bool:
    ends = [each.get("EndTime", now) for each in drains]
    return len(drains) < ATTEMPTS and all(now - end >= timedelta(seconds=PAUSE_SECONDS) for end in ends)
