"""The function that watches the queue: what it publishes, what it holds, and when it wakes the first host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domicile.scaling.function.group import Group, NoGroup
from domicile.scaling.function.key import old_version_used
from domicile.scaling.function.settings import Settings
from domicile.scaling.function.stats import Stats, Unreadable, parsed
from domicile.scaling.function.watch import host_load, numbers
from domicile_control_plane import ControlPlane
from domicile_control_plane.aws import FrontDoor
from domicile_control_plane.faults import Fault

from .conftest import Watched

KEY_METRICS = {"EnvironmentKeyAgeSeconds", "OldKeyVersionUsed"}
DAY = timedelta(days=1)


async def test_the_queues_numbers_become_metrics_and_the_first_waiting_item_wakes_a_host(watched):
    told = await watched.look()
    assert (told["WorkWaiting"], told["HostLoadPercent"], told["NobodyPolls"], told["woken"]) == (0.0, 0.0, 0.0, False)
    for _ in range(6):
        watched.enqueue()
    told = await watched.look()
    assert (told["WorkWaiting"], told["HostLoadPercent"], told["NobodyPolls"], told["woken"]) == (6.0, 150.0, 1.0, True)
    assert told["OldestItemAgeSeconds"] > 0
    assert watched.desired() == 1
    assert (await watched.look())["woken"] is False, "what is awake is the scaling policy's"
    assert {*KEY_METRICS, "WorkWaiting", "WorkPending", "OldestItemAgeSeconds", "WorkersPolling", "HostLoadPercent"} <= watched.published()


@pytest.mark.parametrize("fault", [{"action": "answer", "status": 500}, {"action": "answer", "status": 429}, {"action": "cut"}])
async def test_an_error_of_the_control_plane_holds_and_is_never_a_zero(watched, fault):
    watched.plane.faults.order(Fault(route="work.stats", **fault))
    with pytest.raises(Unreadable) as held:
        await watched.look()
    assert "sk-ant" not in str(held.value)
    assert watched.published() == KEY_METRICS, "the key's age is known without the control plane"


@pytest.mark.parametrize(
    "changed", [{"control_plane_url": "http://127.0.0.1:9"}, {"proxy": "127.0.0.1:9"}, {"environment_id": "env_other"}]
)
async def test_a_queue_that_cant_be_asked_holds(watched, changed):
    with pytest.raises(Unreadable):
        await watched.look(**changed)
    assert watched.published() == KEY_METRICS


async def test_a_revoked_key_holds(watched):
    watched.plane.credentials.revoke_environment_key(watched.settings.environment_id)
    with pytest.raises(Unreadable, match="401"):
        await watched.look()
    assert watched.published() == KEY_METRICS


async def test_a_group_that_isnt_there_holds(watched):
    with pytest.raises(NoGroup):
        await watched.look(group="another")
    assert watched.published() == KEY_METRICS


async def test_without_a_key_nothing_is_published(watched):
    with pytest.raises(Exception, match="ResourceNotFoundException"):
        await watched.look(key_secret="another")
    assert watched.published() == set()


async def test_what_hosts_serve_keeps_them_and_silent_hosts_hold(watched):
    watched.hosts(2)
    told = await watched.look()
    assert "HostLoadPercent" not in told, "hosts that don't say what they serve are not known to be idle"
    watched.report(3)
    watched.report(1)
    assert (await watched.look())["HostLoadPercent"] == pytest.approx(50.0)
    watched.hosts(3)
    assert (await watched.look())["AtMaximum"] == 1.0


GOOD = b'{"type":"work_queue_stats","depth":1,"pending":0,"oldest_queued_at":"2026-11-21T10:00:00Z","workers_polling":null}'
NOW = datetime(2026, 11, 21, 10, 1, tzinfo=UTC)


def test_the_documented_answer_is_read():
    assert parsed(GOOD, NOW) == Stats(waiting=1, pending=0, oldest_seconds=60.0, polling=None)


@pytest.mark.parametrize(
    ("what", "other"),
    [
        (b'"depth":1', b'"depth":-1'), (b'"depth":1', b'"depth":true'), (b'"depth":1', b'"depth":"0"'), (b'"depth":1', b'"depth":null'),
        (b'"depth":1,', b""), (b'"pending":0', b'"pending":0.5'), (b'"pending":0', b'"pending":1e99'), (b"work_queue_stats", b"error"),
        (b'"2026-11-21T10:00:00Z"', b'"yesterday"'), (b'"2026-11-21T10:00:00Z"', b'"2026-11-21T10:00:00"'), (GOOD, b"null"), (GOOD, b""),
        (GOOD, b"[]"), (GOOD, b"<html>"), (GOOD, GOOD[:-1]), (GOOD, b"[" * 60_000), (GOOD, GOOD + b" " * 70_000),
    ],
)  # fmt: skip
def test_any_other_answer_is_no_number(what, other):
    with pytest.raises(Unreadable):
        parsed(GOOD.replace(what, other), NOW)


@pytest.mark.parametrize(
    ("waiting", "serving", "served", "load"),
    [(0, 0, 0.0, 0.0), (2, 0, 0.0, 50.0), (0, 2, 8.0, 100.0), (0, 2, None, None), (4, 2, None, 150.0), (4, 2, 2.0, 75.0)],
)
def test_load_is_what_runs_or_wants_to_of_what_hosts_hold(waiting, serving, served, load):
    assert host_load(Stats(waiting, 0, 0.0, 1), Group(serving, 5, serving, serving), served, 4) == load


@pytest.mark.parametrize(
    ("waiting", "polling", "serving", "served", "sounds"),
    [
        (3, 0, 2, 8.0, 0.0),  # full: its hosts have nothing to poll for
        (3, 0, 2, 9.0, 0.0),
        (0, 0, 2, 7.0, 1.0),  # there is room
        (3, 0, 2, None, 1.0),  # nobody says what they serve
        (3, 0, 0, 0.0, 1.0),  # no host at all
        (0, 0, 0, 0.0, 0.0),
        (3, 1, 2, 7.0, 0.0),
    ],
)
def test_nobody_polls_where_work_or_room_is_and_hosts_that_are_full_are_not_expected_to(waiting, polling, serving, served, sounds):
    stats = Stats(waiting, 0, 0.0, polling)
    assert numbers(stats, Group(serving, 5, serving, serving), served, 4)["NobodyPolls"] == sounds


@pytest.mark.parametrize(
    ("stages", "accessed", "used"),
    [
        (["AWSPREVIOUS"], DAY, True),
        ([], DAY, True),
        (["AWSPREVIOUS"], -DAY, False),
        (["AWSPREVIOUS"], 0 * DAY, False),
        (["AWSCURRENT"], DAY, False),
    ],
)
def test_a_version_that_is_read_after_the_day_of_its_replacement_is_an_old_one_in_use(stages, accessed, used):
    replaced = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
    assert old_version_used([{"VersionStages": stages, "LastAccessedDate": replaced + accessed}, {"VersionStages": []}], replaced) is used


async def test_at_claude_platform_on_aws_the_functions_own_role_reads_the_numbers(tmp_path, cloud, stack, group, monkeypatch):
    """Signed as the function is given its credentials: by Lambda, in its environment."""
    door = FrontDoor("wrkspc_01Watch")
    plane = ControlPlane(None, door=door)
    async with plane.serve() as url:
        settings = Settings(
            stack=stack, environment_id=plane.new_environment()[0], control_plane_url=url, ca_file="", proxy="", key_secret="",
            namespace="Domicile", group=group, host_capacity=4, host_lifetime_seconds=86_400,
            workspace_id="wrkspc_01Watch", workspace_region=door.region,
        )  # fmt: skip
        watched = Watched(plane, settings, cloud)
        lambdas(monkeypatch, door.login("function-watch", "GetEnvironment"))
        watched.enqueue()
        told = await watched.look()
        assert (told["WorkWaiting"], told["woken"]) == (1.0, True)
        assert door.passed == [("function-watch", "GetEnvironment")]
        assert not watched.published() & KEY_METRICS
        lambdas(monkeypatch, door.login("another", "GetSession"))
        with pytest.raises(Unreadable, match="403"):
            await watched.look()
    plane.close()


def lambdas(monkeypatch, login):
    names = {"AccessKeyId": "AWS_ACCESS_KEY_ID", "SecretAccessKey": "AWS_SECRET_ACCESS_KEY", "Token": "AWS_SESSION_TOKEN"}
    for ours, theirs in names.items():
        monkeypatch.setenv(theirs, login[ours])
