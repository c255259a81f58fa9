"""A new version of the environment key has every host replaced, by one refresh; and nobody but who writes versions begins it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from domicile.scaling.function.drain import ATTEMPTS
from domicile.scaling.function.stats import Unreadable

from .clouds import Clock, Refreshes, Secrets, denied
from .conftest import NAMESPACE, Watched

WEEK = 7 * 86_400


@dataclass
class Fleet:
    """Two hosts, the key that they began with, and a clock."""

    watched: Watched
    clock: Clock
    secrets: Secrets
    group: Refreshes

    async def look(self, **changed: Any) -> dict[str, Any]:
        return await self.watched.look(self.clock.now, **changed)

    def rotate(self) -> None:
        """As the Console and `domicile key`: another key is good, and is the secret's new version."""
        self.secrets.put(self.watched.plane.credentials.issue_environment_key(self.watched.settings.environment_id))

    def desire(self, hosts: int) -> None:
        self.group.client.set_desired_capacity(AutoScalingGroupName=self.watched.settings.group, DesiredCapacity=hosts)

    @property
    def begun(self) -> int:
        return len(self.group.history)


@pytest.fixture
def fleet(watched: Watched) -> Fleet:
    clock, settings = Clock(), watched.settings
    key = watched.cloud.secrets.get_secret_value(SecretId=settings.key_secret)["SecretString"]
    secrets = Secrets(watched.cloud.secrets, clock, settings.key_secret)
    secrets.put(key)
    group = Refreshes(watched.cloud.scaling, clock, settings.group)
    made = Fleet(replace(watched, cloud=replace(watched.cloud, secrets=secrets, scaling=group)), clock, secrets, group)
    made.desire(2)
    clock.after(days=1)
    return made


async def test_a_new_version_has_every_host_replaced_and_each_once(fleet: Fleet) -> None:
    before = fleet.group.hosts()
    assert (await fleet.look())["KeyDrainSeconds"] == 0.0, "the first version replaced none"
    fleet.rotate()
    fleet.clock.after(seconds=60)
    told = await fleet.look()
    assert (told["drain_begun"], told["KeyDrainSeconds"]) == (True, 60.0)
    [refresh] = fleet.group.history
    preferences = refresh["Preferences"]
    assert (preferences["MinHealthyPercentage"], preferences["MaxHealthyPercentage"]) == (100, 150), "a new host before each old one"
    fleet.clock.after(minutes=30)
    told = await fleet.look()
    assert (told["drain_begun"], told["KeyDrainSeconds"]) == (False, 1860.0)
    fleet.group.end()
    assert len(fleet.group.hosts()) == 2
    assert not fleet.group.hosts() & before
    for _ in range(50):
        fleet.clock.after(hours=12)
        told = await fleet.look()
        assert (told["drain_begun"], told["KeyDrainSeconds"]) == (False, 0.0)
    assert fleet.begun == 1


async def test_each_version_is_drained_and_one_that_comes_during_a_drain_after_it(fleet: Fleet) -> None:
    fleet.rotate()
    fleet.clock.after(minutes=1)
    assert (await fleet.look())["drain_begun"]
    fleet.clock.after(minutes=5)
    fleet.rotate()
    fleet.clock.after(minutes=1)
    assert not (await fleet.look())["drain_begun"], "one at a time"
    fleet.group.end()
    fleet.clock.after(minutes=1)
    assert (await fleet.look())["drain_begun"], "hosts that the first drain began before the second version came"
    fleet.group.end()
    assert (await fleet.look())["KeyDrainSeconds"] == 0.0
    assert fleet.begun == 2


async def test_a_version_that_doesnt_open_the_queue_drains_nothing(fleet: Fleet) -> None:
    before = fleet.group.hosts()
    fleet.secrets.put("sk-ant-oat01-mistyped")
    for _ in range(3):
        fleet.clock.after(hours=1)
        with pytest.raises(Unreadable, match="401"):
            await fleet.look()
    assert (fleet.begun, fleet.group.hosts()) == (0, before)
    fleet.rotate()
    assert (await fleet.look())["drain_begun"]


async def test_going_back_to_an_older_version_is_a_change_too(fleet: Fleet) -> None:
    """The older version's date is before the drain of the newer one, which says nothing about hosts that have the newer one."""
    first = fleet.secrets.versions[0]
    fleet.secrets.put(first["SecretString"])
    fleet.clock.after(minutes=1)
    assert (await fleet.look())["drain_begun"]
    fleet.group.end()
    fleet.clock.after(hours=1)
    fleet.secrets.promote(first["VersionId"])
    fleet.clock.after(minutes=1)
    assert (await fleet.look())["drain_begun"]
    fleet.group.end()
    fleet.clock.after(hours=3)
    assert not (await fleet.look())["drain_begun"]
    assert fleet.begun == 2


async def test_a_version_that_is_only_staged_drains_nothing(fleet: Fleet) -> None:
    fleet.secrets.put("sk-ant-oat01-later", "AWSPENDING")
    fleet.clock.after(hours=1)
    assert not (await fleet.look())["drain_begun"]


async def test_a_refresh_of_a_changed_template_is_waited_for_and_is_no_drain(fleet: Fleet) -> None:
    """It passes over hosts that have the template, whatever key they have."""
    fleet.rotate()
    fleet.clock.after(minutes=1)
    fleet.group.start_instance_refresh(AutoScalingGroupName=fleet.group.group, Preferences={"SkipMatching": True})
    assert not (await fleet.look())["drain_begun"]
    fleet.clock.after(minutes=20)
    fleet.group.end()
    told = await fleet.look()
    assert (told["drain_begun"], told["KeyDrainSeconds"]) == (True, 1260.0)


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "RollbackSuccessful"])
async def test_a_drain_that_never_succeeds_is_tried_a_few_times_an_hour_apart_and_is_told_of(fleet: Fleet, status: str) -> None:
    """What breaks new machines must not have the fleet replaced for ever."""
    fleet.rotate()
    told: dict[str, Any] = {}
    for _ in range(4 * 24 * 6):
        fleet.clock.after(minutes=10)
        told = await fleet.look()
        if told["drain_begun"]:
            fleet.clock.after(minutes=30)
            fleet.group.end(status)
    assert fleet.begun == ATTEMPTS
    begins = [each["StartTime"] for each in fleet.group.history]
    assert min(later - earlier for earlier, later in pairwise(begins)) >= timedelta(minutes=90)
    assert told["KeyDrainSeconds"] > 3 * 86_400
    fleet.rotate()
    assert (await fleet.look())["drain_begun"], "another version has its own attempts"


async def test_an_empty_fleet_has_nothing_to_drain_and_its_first_host_is_drained_at_most_once(fleet: Fleet) -> None:
    fleet.desire(0)
    fleet.rotate()
    for _ in range(3):
        fleet.clock.after(minutes=5)
        told = await fleet.look()
        assert (told["drain_begun"], told["KeyDrainSeconds"]) == (False, 0.0)
    fleet.watched.enqueue()
    assert (await fleet.look())["woken"]
    for _ in range(5):
        fleet.clock.after(minutes=5)
        if (await fleet.look())["drain_begun"]:
            fleet.group.end()
    assert fleet.begun == 1


async def test_hosts_that_cant_be_older_than_the_version_arent_drained(fleet: Fleet) -> None:
    fleet.rotate()
    fleet.clock.after(days=9)
    told = await fleet.look()
    assert (told["drain_begun"], told["KeyDrainSeconds"]) == (False, 0.0), "the group has replaced them after seven days"


async def test_a_drain_that_awss_history_has_forgotten_is_neither_repeated_nor_vouched_for(fleet: Fleet) -> None:
    fleet.rotate()
    assert (await fleet.look(host_lifetime_seconds=52 * WEEK))["drain_begun"]
    fleet.group.end()
    for _ in range(9):
        fleet.clock.after(days=5)
        told = await fleet.look(host_lifetime_seconds=52 * WEEK)
    assert "KeyDrainSeconds" not in told, "its silence is an alarm"
    assert fleet.begun == 1


def refuse(fleet: Fleet, operation: str) -> None:
    def refused(**_: Any) -> None:
        raise denied(operation)

    setattr(fleet.group, operation, refused)


async def test_what_cant_be_asked_holds_and_the_queues_numbers_are_published_all_the_same(fleet: Fleet) -> None:
    fleet.rotate()
    refuse(fleet, "describe_instance_refreshes")
    with pytest.raises(ClientError):
        await fleet.look()
    assert "WorkWaiting" in fleet.watched.published()
    assert "KeyDrainSeconds" not in fleet.watched.published(), "its silence is an alarm"
    assert fleet.begun == 0


async def test_a_drain_that_may_not_begin_is_told_of(fleet: Fleet) -> None:
    fleet.rotate()
    fleet.clock.after(hours=1)
    refuse(fleet, "start_instance_refresh")
    with pytest.raises(ClientError):
        await fleet.look()
    assert "KeyDrainSeconds" in fleet.watched.published()


async def test_another_refresh_that_begins_in_the_same_moment_is_no_error(fleet: Fleet) -> None:
    fleet.rotate()
    look: Callable[..., Any] = fleet.group.describe_instance_refreshes

    def overtaken(**asked: Any) -> Any:
        answer = look(**asked)
        fleet.group.start_instance_refresh(AutoScalingGroupName=fleet.group.group, Preferences={"SkipMatching": True})
        return answer

    fleet.group.describe_instance_refreshes = overtaken  # type: ignore[method-assign]
    assert not (await fleet.look())["drain_begun"]
    assert fleet.begun == 1


@pytest.mark.parametrize("lie", [0.0, 1e9])
async def test_what_hosts_may_tell_neither_begins_a_drain_nor_puts_one_off(fleet: Fleet, lie: float) -> None:
    """A host that was taken over holds its role: it may publish every metric of its stack."""
    names = ("EnvironmentKeyAgeSeconds", "OldKeyVersionUsed", "KeyDrainSeconds", "SessionsServed", "WorkersPolling", "NobodyPolls")
    dimensions = [{"Name": "Stack", "Value": fleet.watched.settings.stack}]
    data = [{"MetricName": name, "Dimensions": dimensions, "Value": lie} for name in names]
    fleet.watched.cloud.metrics.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    assert not (await fleet.look())["drain_begun"]
    fleet.rotate()
    fleet.clock.after(minutes=1)
    assert (await fleet.look())["drain_begun"]


async def test_a_key_that_is_used_from_outside_after_its_replacement_is_told_of_through_the_drain(fleet: Fleet) -> None:
    fleet.rotate()
    assert (await fleet.look())["drain_begun"]
    fleet.group.end()
    fleet.secrets.versions[0]["LastAccessedDate"] = fleet.clock.after(days=2)
    await fleet.look()
    found = fleet.watched.cloud.metrics.get_metric_statistics(
        Namespace=NAMESPACE, MetricName="OldKeyVersionUsed", Dimensions=[{"Name": "Stack", "Value": fleet.watched.settings.stack}],
        StartTime="2020-01-01T00:00:00Z", EndTime="2099-01-01T00:00:00Z", Period=86_400, Statistics=["Maximum"],
    )["Datapoints"]  # fmt: skip
    assert [point["Maximum"] for point in found] == [1.0]
