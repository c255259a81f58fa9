"""Each region stack goes up on the provider double and stays as it is; nothing of it lies elsewhere; one command brings it home again."""

import json
import subprocess
import sys

import pytest

JURISDICTIONS = {"tokyo": "jp", "eu": "eu", "uae": "ae", "bahrain": "bh", "us": "us"}
REGIONS = {"tokyo": "ap-northeast-1", "eu": "eu-central-1", "uae": "me-central-1", "bahrain": "me-south-1", "us": "us-east-1"}
IMAGES = {name: "sha256:" + letter * 64 for name, letter in (("sandbox", "a"), ("host", "b"), ("egress", "c"))}
GLOBAL = {"Role", "RolePolicy", "InstanceProfile"}
RETAINED = {"Key"}


@pytest.mark.parametrize("name", JURISDICTIONS)
def test_each_stack_goes_up_in_its_region_and_a_second_run_changes_nothing(stacked, name):
    region = stacked(name)
    region.configure(images=IMAGES)
    result = region.up()
    assert result.exit_code == 0, result.errors
    assert set(result.summary) == {"create"}
    again = region.preview()
    assert again.exit_code == 0, again.errors
    assert set(again.summary) == {"same"}
    places = {(thing.token.rpartition(":")[2] in GLOBAL, thing.region) for thing in region.rehearsal.cloud.things()}
    assert {found for everywhere, found in places if not everywhere} == {REGIONS[name]}
    manifest = result.shown_outputs()["residency"]
    assert manifest["jurisdiction"] == JURISDICTIONS[name]
    assert {entry["lies_in"] for entry in manifest["properties"]} <= {JURISDICTIONS[name], "operator", "us"}


def test_the_eu_stack_previews_in_ireland_by_one_setting(stacked):
    region = stacked("eu")
    region.configure(region="eu-west-1")
    result = region.preview()
    assert result.exit_code == 0, result.errors


def test_destroy_leaves_the_archive_its_key_and_nothing_else(stacked):
    region = stacked("tokyo")
    assert region.up().exit_code == 0
    result = region.destroy()
    assert result.exit_code == 0, result.errors
    left = {thing.token.rpartition(":")[2] for thing in region.rehearsal.cloud.things()}
    assert {found for found in left if not found.startswith("Bucket")} == RETAINED
    assert {thing.name for thing in region.things("Bucket")} == {"archive", "access"}


def test_credentials_of_another_account_are_refused(stacked):
    region = stacked("tokyo")
    other = "444455556666"
    region.configure(account=other, access={"administrators": [f"arn:aws:iam::{other}:role/platform-admin"]})
    result = region.up()
    assert result.exit_code != 0
    assert not region.rehearsal.cloud.things()


def test_a_stack_outside_its_jurisdiction_makes_nothing(stacked):
    region = stacked("tokyo")
    region.configure(region="us-east-1")
    result = region.up()
    assert result.exit_code != 0
    assert "a region in `jp`" in "\n".join(result.errors)
    assert not region.rehearsal.calls()


def test_the_environment_keys_value_has_no_place_in_state_or_plan(tokyo):
    """The secret is made empty: no resource carries a version of it."""
    assert not tokyo.things("SecretVersion")
    assert tokyo.things("Secret")
    state = json.loads(tokyo.state())["checkpoint"]["latest"]["resources"]
    assert not [key for resource in state for key in resource.get("inputs", {}) if "secretString" in key or "secretBinary" in key]


def test_a_stack_of_another_platform_loads_nothing_of_awss_provider():
    """A platform is imported when it is asked for: the command and a `local` stack pay nothing for this one."""
    code = "import sys, domicile.perimeter, domicile.local, domicile.config; print([m for m in sys.modules if m.startswith('pulumi_aws')])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
