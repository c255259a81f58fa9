"""The function that watches the queue: run on a schedule, it turns the queue's numbers into metrics, wakes the first host, and has hosts
drained one after another when the environment key has a new version.

On any error it publishes nothing of what it doesn't know and fails, so that the group holds what it has and the alarm on silence goes off.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import drain as drains
from . import group as groups
from . import key as keys
from . import role as roles
from . import stats as queue
from .settings import Settings


@dataclass(frozen=True)
class Cloud:
    """AWS's clients."""

    secrets: Any
    metrics: Any
    scaling: Any


def clients() -> Cloud:
    """By the function's own role and region."""
    from botocore.config import Config
    from botocore.session import get_session

    session, config = get_session(), Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 2})
    made = [session.create_client(service, config=config) for service in ("secretsmanager", "cloudwatch", "autoscaling")]
    return Cloud(*made)


def handler(_event: object, _context: object) -> dict[str, Any]:
    """What Lambda calls. Its answer is for the reader of a test event; the log has the same."""
    told = look(Settings.of(os.environ), clients(), datetime.now(UTC))
    print(json.dumps(told))
    return told


def look(settings: Settings, cloud: Cloud, now: datetime) -> dict[str, Any]:
    """One look at the queue. The key's own metrics don't wait for the control plane: they are known without it.

    A drain does: what comes before it shows that the key's new version opens the queue, for otherwise no new host could work with it.
    """
    identity = _identity(settings, cloud, now)
    stats = queue.read(settings.control_plane_url, settings.environment_id, identity, settings.proxy, settings.ca_file)
    group = groups.read(cloud.scaling, settings.group)
    served = groups.sessions_served(cloud.metrics, settings.namespace, settings.stack, group.serving, now)
    known = numbers(stats, group, served, settings.host_capacity)
    _publish(settings, cloud, known)
    woken = stats.waiting + stats.pending > 0 and groups.wake(cloud.scaling, settings.group, group)
    drain = _drain(settings, cloud, identity, group, now) if isinstance(identity, keys.Key) else {}
    return {**known, "woken": woken, **drain}


def _drain(settings: Settings, cloud: Cloud, key: keys.Key, group: groups.Group, now: datetime) -> dict[str, Any]:
    found = drains.need(cloud.scaling, settings.group, group, key.changed, settings.host_lifetime_seconds, now)
    told = {} if found.waiting_seconds is None else {"KeyDrainSeconds": found.waiting_seconds}
    if told:
        _publish(settings, cloud, told)
    return {**told, "drain_begun": found.due and drains.begin(cloud.scaling, settings.group)}


def _identity(settings: Settings, cloud: Cloud, now: datetime) -> queue.Identity:
    """The environment key, of which its own metrics are published; or this function's role."""
    if settings.workspace_id:
        return roles.Role(settings.workspace_id, settings.workspace_region)
    key = keys.read(cloud.secrets, settings.key_secret, now)
    _publish(settings, cloud, {"EnvironmentKeyAgeSeconds": key.age_seconds, "OldKeyVersionUsed": float(key.old_version_used)})
    return key


def numbers(stats: queue.Stats, group: groups.Group, served: float | None, host_capacity: int) -> dict[str, float]:
    """The metrics that are known, and no others."""
    found = {
        "WorkWaiting": float(stats.waiting),
        "WorkPending": float(stats.pending),
        "OldestItemAgeSeconds": stats.oldest_seconds,
        "AtMaximum": float(group.desired >= group.maximum),
    }
    if stats.polling is not None:
        wanted = stats.waiting + stats.pending > 0 or group.serving > 0
        full = served is not None and 0 < group.serving * host_capacity <= served  # hosts that serve all they can don't poll
        found |= {"WorkersPolling": float(stats.polling), "NobodyPolls": float(wanted and not full and stats.polling == 0)}
    load = host_load(stats, group, served, host_capacity)
    return found if load is None else {**found, "HostLoadPercent": load}


def host_load(stats: queue.Stats, group: groups.Group, served: float | None, host_capacity: int) -> float | None:
    """Sessions that run or want to, of what the serving hosts hold.

    Where hosts don't say what they serve they count as full: work that waits may add hosts, but nothing takes one away (None: hold).
    """
    room = max(group.serving, 1) * host_capacity
    wanting = stats.waiting + stats.pending
    if served is None:
        return 100.0 * (group.serving * host_capacity + wanting) / room if wanting else None
    return 100.0 * (served + wanting) / room


def _publish(settings: Settings, cloud: Cloud, values: Mapping[str, float]) -> None:
    dimensions = [{"Name": "Stack", "Value": settings.stack}]
    data = [{"MetricName": name, "Dimensions": dimensions, "Value": value} for name, value in values.items()]
    cloud.metrics.put_metric_data(Namespace=settings.namespace, MetricData=data)
