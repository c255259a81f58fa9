"""Plugins that start beside the program: from when it loads their package's SDK."""

from __future__ import annotations

import json

import pytest

LOADED = """
import os, time
import pulumi_odd
"""
AWAITED = (
    LOADED
    + """
for _ in range(3000):
    if os.path.exists(os.environ["THINGS"] + "/pids"):
        break
    time.sleep(0.02)
else:
    raise TimeoutError("the plugin has not begun to start")
"""
)
USED = "pulumi.CustomResource('odd:index:Odd', 'a', {'body': 'x'}, O(version='1.0.0'))\n"


@pytest.fixture
def sdk(odd):
    """The yard with an SDK of the odd plugin's, as far as Pulumi's generator marks one."""
    folder = odd.root / "pulumi_odd"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "pulumi-plugin.json").write_text(json.dumps({"resource": True, "name": "odd", "version": "1.0.0"}))
    return odd


def plugins(yard):
    return (yard.things / "pids").read_text().split() if (yard.things / "pids").exists() else []


def test_a_plugin_starts_as_its_sdk_is_loaded_and_serves_the_first_that_asks(sdk):
    result = sdk.up(AWAITED + USED)
    assert result.exit_code == 0, result.errors
    assert list(sdk.world()) == ["a"] and len(plugins(sdk)) == 1


def test_two_providers_of_a_package_have_a_plugin_each(sdk):
    one = "CustomResource('odd:index:Odd', '%s', {}, O(provider=ProviderResource('odd', 'p%s', {}, O(version='1.0.0'))))\n"
    two = "".join(one % (name, name) for name in "ab")
    result = sdk.up("from pulumi import CustomResource, ProviderResource\n" + LOADED + two)
    assert result.exit_code == 0, result.errors
    assert sorted(sdk.world()) == ["a", "b"] and len(plugins(sdk)) == 2


def test_a_plugin_that_nobody_asks_for_ends_with_the_operation(sdk):
    assert sdk.up(AWAITED).exit_code == 0
    assert len(plugins(sdk)) == 1  # the fixture looks whether it is gone


def test_another_version_than_the_one_that_was_begun_is_started_anew(sdk):
    assert sdk.up(AWAITED + USED.replace("1.0.0", "2.0.0")).exit_code == 0
    assert len(plugins(sdk)) == 2


def test_one_that_does_not_start_is_told_of_only_where_it_is_asked_for(sdk):
    (sdk.things / "odd.start").write_text("exit")
    assert sdk.up(LOADED).exit_code == 0
    result = sdk.up(LOADED + USED)
    assert result.exit_code == 1 and "provider odd did not start: it ended with exit code 3" in "\n".join(result.errors)


def test_a_package_that_is_no_providers_sdk_starts_nothing(sdk):
    (sdk.root / "pulumi_odd" / "pulumi-plugin.json").write_text(json.dumps({"resource": False}))
    assert sdk.up(LOADED).exit_code == 0
    assert plugins(sdk) == []


DYNAMIC = """
import os, time
from pathlib import Path

def dynamic_plugins():
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            if parent == os.getppid() and "pulumi.dynamic" in stat.with_name("cmdline").read_text():
                yield stat.parent.name
        except OSError:  # one that has just ended
            pass
"""


def test_the_plugin_of_dynamic_resources_starts_as_the_first_is_made(yard):
    awaited = "end = time.monotonic() + 60\nwhile not list(dynamic_plugins()):\n    assert time.monotonic() < end\n    time.sleep(0.02)\n"
    result = yard.up(f"{DYNAMIC}Thing('a')\n{awaited}Thing('b')\n")
    assert result.exit_code == 0, result.errors
    assert sorted(yard.world()) == ["a-1", "b-1"]


def test_no_plugin_of_dynamic_resources_starts_where_there_are_none(yard):
    # a second is many times what it takes from the first such resource to the plugin's process
    result = yard.up(f"{DYNAMIC}time.sleep(1)\npulumi.export('plugins', list(dynamic_plugins()))\n")
    assert (result.exit_code, result.outputs["plugins"]) == (0, [])
