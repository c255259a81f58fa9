"""S10: `domicile destroy` leaves nothing but what is declared retained, and says what that is and where."""

import json
import secrets
import subprocess

import pytest

from domicile.places import StackPlaces
from domicile_host.audit import Event, Journal


@pytest.fixture
def used(small_project):
    """A stack that has left files in all its places."""
    places = StackPlaces.of("local", small_project.environment)
    assert small_project("refresh").returncode == 0
    for path in (places.ledger, places.archive / "gateway" / "1.jsonl", places.seal_key, places.settings):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    places.gateway_control.parent.mkdir(parents=True)
    return small_project, places


def test_only_the_archive_stays_and_its_place_is_said(used):
    command, places = used
    ran = command("destroy", "--yes")
    assert ran.returncode == 0, ran.stderr
    assert str(places.archive) in ran.stdout
    assert [path for path in command.home.rglob("*") if path.is_file()] == [places.archive / "gateway" / "1.jsonl"]
    assert not command.run_folder.exists()


def test_an_archive_that_is_not_retained_goes_too_even_if_it_is_immutable(used):
    command, places = used
    file = command.project / "stacks" / "Pulumi.local.yaml"
    file.write_text(file.read_text() + "  domicile:retain: {archive: false}\n")
    subprocess.run(["chattr", "+i", places.archive / "gateway" / "1.jsonl"], check=False, capture_output=True)
    ran = command("destroy", "--yes", "--json")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["retained"] == []
    assert not command.touched


async def test_records_that_the_archive_lacks_stay_too(used):
    command, places = used
    journal = await Journal.open(places.journal / "gateway", "gateway", "host-1", stack="local")
    await journal.append(Event(activity="gateway.call"))
    await journal.close()
    ran = command("destroy", "--yes", "--json")
    assert ran.returncode == 0, ran.stderr
    assert str(places.journal) in json.loads(ran.stdout)["retained"]
    assert list(places.journal.rglob("*.jsonl"))


def test_another_stack_of_the_machine_is_left_alone(used):
    command, _ = used
    other = command.project / "stacks" / "Pulumi.other.yaml"
    other.write_text("config:\n  domicile:jurisdiction: eu\n")
    assert command("refresh", "other").returncode == 0
    kept = StackPlaces.of("other", command.environment).home / "settings.json"
    kept.parent.mkdir()
    kept.write_text("x")
    assert command("destroy", "--yes").returncode == 0
    assert kept.exists()
    assert (command.home / "passphrase").exists()
    assert command("preview", "other").returncode == 0


def test_destroying_what_is_gone_is_no_error(small_project):
    for _ in range(2):
        assert small_project("destroy", "--yes").returncode == 0
        assert not small_project.touched


@pytest.mark.perimeter
def test_namespaces_that_a_killed_run_left_are_swept_and_no_other(small_project):
    stack = f"t{secrets.token_hex(4)}"
    (small_project.project / "stacks" / f"Pulumi.{stack}.yaml").write_text("config:\n  domicile:jurisdiction: jp\n")
    own = [f"domicile-{stack}", f"domicile-{stack}-outside", f"domicile-{stack}-0123abcd"]
    foreign = [f"domicile-{stack}x", f"domicile-{stack}-keep"]
    try:
        for name in own + foreign:
            subprocess.run(["ip", "netns", "add", name], check=True)
        ran = small_project("destroy", stack, "--yes", "--json")
        assert ran.returncode == 0, ran.stderr
        assert json.loads(ran.stdout)["swept"] == [f"network namespace {name}" for name in sorted(own)]
        left = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout.split()
        assert set(foreign) <= set(left)
        assert not set(own) & set(left)
    finally:
        for name in own + foreign:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@pytest.mark.perimeter
def test_status_of_a_stack_that_is_not_up_says_so(small_project):
    ran = small_project("status", f"t{secrets.token_hex(4)}", "--json")
    assert ran.returncode == 1
    told = json.loads(ran.stdout)
    assert not told["up"]
    assert told["missing"] == ["dispatcher", "egress", "gateway", "secrets", "shipper"]
    assert {"services", "dispatcher", "queue", "sandboxes", "shipper", "archive"} <= set(told)
