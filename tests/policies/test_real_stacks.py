"""Every stack of the project keeps every rule, with no exception; and a guard that somebody loosens is found in the live state."""

from __future__ import annotations

import json

import pytest
from region import Region, shown


@pytest.mark.parametrize("name", ["tokyo", "eu", "uae", "bahrain", "us"])
def test_a_region_stack_keeps_every_rule_without_an_exception(name, tmp_path):
    told = Region(name, tmp_path).check("--rehearse")
    assert shown(told) == []
    assert told["passed"] and told["complete"] and told["exceptions"] == [] and len(told["resources"]) > 100


def test_the_local_stack_keeps_every_rule_without_an_exception(tmp_path):
    told = Region("local", tmp_path).check()
    assert shown(told) == []
    assert told["passed"] and told["complete"] and told["exceptions"] == [] and len(told["resources"]) > 30


DRIFT = (
    ("BucketPublicAccessBlock", "archive", {"blockPublicPolicy": False}),
    ("Key", "key", {"enableKeyRotation": False}),
)


def test_a_guard_loosened_by_hand_is_found_in_the_live_state_with_its_urn(tmp_path):
    """The nightly: what `up` has made is clean; somebody edits it in the cloud; after a refresh the check names each."""
    region = Region("tokyo", tmp_path).on_double()
    assert (applied := region("up", "--yes")).returncode == 0, applied.stderr
    assert shown(region.check("--live")) == []
    for type_, name, change in DRIFT:
        region.rehearsal.cloud.edit(region.rehearsal.cloud.thing(type_, name), **change)
    assert region.check("--live")["passed"], "nothing has looked at the cloud yet"
    assert (looked := region("refresh")).returncode == 0, looked.stderr
    ran = region("check", "--live", "--json")
    found = {(f["urn"].split("::")[2].rpartition(":")[2], f["name"], f["path"]) for f in json.loads(ran.stdout)["findings"]}
    assert ran.returncode == 1
    assert found == {(type_, name, path) for type_, name, change in DRIFT for path in change}


def test_a_preview_sees_what_the_live_state_shows(tmp_path):
    """The first preview of a stack and its state once applied are judged alike: nothing is only guessed at."""
    region = Region("tokyo", tmp_path).on_double()
    assert shown(region.check()) == []
