"""A region's images are in its registry before any machine asks for one: who waits for whom, and what the state knows of it."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from domicile.aws.names import IMAGES
from domicile.rehearsal import Fault
from domicile.rehearsal.images import TOKEN

PROJECT = Path(__file__).parents[2]
MACHINES = ("aws:ec2/launchTemplate:LaunchTemplate", "aws:autoscaling/group:Group")


def resources(region):
    return json.loads(region.state())["checkpoint"]["latest"]["resources"]


def awaited(found, resource):
    """The URNs of all that this had to wait for."""
    by_urn, seen, left = {each["urn"]: each for each in found}, set(), list(resource.get("dependencies") or [])
    while left:
        urn = left.pop()
        if urn not in seen:
            seen.add(urn)
            left += by_urn[urn].get("dependencies") or []
    return seen


def test_machines_wait_for_every_image_and_each_image_for_its_repository_and_who_may_push(tokyo):
    found = resources(tokyo)
    pushed = {each["urn"].rpartition("::")[2]: each for each in found if each["type"] == TOKEN}
    assert set(pushed) == set(IMAGES)
    for image, each in pushed.items():
        kinds = {urn.split("::")[2].rpartition("$")[2] for urn in awaited(found, each) if urn.endswith(f"::{image}")}
        assert {"aws:ecr/repository:Repository", "aws:ecr/repositoryPolicy:RepositoryPolicy"} <= kinds
    machines = [each for each in found if each["type"] in MACHINES]
    assert len(machines) == 4
    for each in machines:
        assert {of["urn"] for of in pushed.values()} <= awaited(found, each), each["urn"]


def test_the_state_names_the_image_and_its_key_and_no_place_of_the_machine_that_pushed(tokyo):
    images = tokyo.config().aws.images
    for each in (found for found in resources(tokyo) if found["type"] == TOKEN):
        given = {key: value for key, value in each["inputs"].items() if key != "__provider"}
        assert set(given) == {"image", "digest", "registry", "repository", "region", "signing_key"}
        assert given["digest"] == getattr(images, given["image"])
        assert "PRIVATE" not in given["signing_key"]
        assert str(PROJECT) not in json.dumps(given)
        assert str(PROJECT).encode() not in base64.b64decode(each["inputs"]["__provider"])


def test_an_image_that_cant_be_pushed_leaves_the_region_without_machines(stacked, images):
    region = stacked("tokyo")
    region.configure(images=images)
    region.rehearsal.fault(Fault("create", "fail", type=TOKEN, name="sandbox"))
    result = region.up()
    assert result.exit_code != 0
    assert "sandbox" in "\n".join(result.errors)
    assert region.things("Repository")
    assert not region.things("LaunchTemplate")
    assert not region.things("Group")
    assert region.up().exit_code == 0
    assert region.things("Group")


def test_an_image_that_isnt_built_stops_up_before_anything_is_made(stacked, images, monkeypatch, tmp_path):
    """As where all is real: the registry is asked with AWS's command, which nobody has here."""
    region = stacked("tokyo")
    region.configure(images=images)
    mark = region.rehearsal.home / "rehearsed-cloud"
    mark.unlink()
    monkeypatch.setenv("PATH", str(tmp_path))
    result = region.up()
    assert result.exit_code != 0
    assert "no `aws` on PATH" in "\n".join(result.errors)
    assert not region.rehearsal.cloud.things()


@pytest.mark.parametrize("retained", [True, False])
def test_repositories_outlive_the_stack_with_the_archive_and_aws_removes_none_that_holds_an_image(stacked, images, retained):
    region = stacked("tokyo")
    region.configure(images=images, domicile_retain={"archive": retained})
    assert region.up().exit_code == 0
    result = region.destroy()
    assert (result.exit_code == 0) == retained
    assert retained or "RepositoryNotEmptyException" in "\n".join(result.errors)
    assert len(region.things("Repository")) == len(region.things("PushedImage")) == len(IMAGES)
    assert not region.things("Group")
