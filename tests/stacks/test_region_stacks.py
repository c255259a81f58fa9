"""What a region stack refuses before it makes anything, and what it never holds."""

import json
import subprocess
import sys


def test_the_eu_stack_previews_in_ireland_by_one_setting(stacked):
    region = stacked("eu")
    region.configure(region="eu-west-1")
    result = region.preview()
    assert result.exit_code == 0, result.errors


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
