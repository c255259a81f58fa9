"""Plugins that start beside the program: from when it loads their package's SDK."""

from __future__ import annotations

import json
import os
import threading

import pytest

from domicile.engine.plugins.early import Early

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
            if parent == os.getppid() and "dynamic_resources" in stat.with_name("cmdline").read_text():
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


LOUD = """
import os, sys
from pathlib import Path
from pulumi.dynamic import CheckResult, CreateResult, Resource, ResourceProvider

if "dynamic_resources" in Path("/proc/self/cmdline").read_text():
    (Path(os.environ["THINGS"]) / "loaded").write_text("")
    {then}


class LoudProvider(ResourceProvider):
    def check(self, olds, news):
        return CheckResult(news, [])

    def create(self, props):
        return CreateResult("loud", props)


class Loud(Resource):
    def __init__(self, name):
        super().__init__(LoudProvider(), name, {{}})
"""
UNTIL_LOADED = """
import os, time
from loud import Loud

Loud("a")
end = time.monotonic() + 60
while not os.path.exists(os.environ["THINGS"] + "/loaded"):
    assert time.monotonic() < end, "not loaded while the program goes on"
    time.sleep(0.02)
"""


def test_what_the_first_dynamic_resource_imports_is_loaded_before_it_is_asked_for(yard):
    (yard.root / "loud.py").write_text(LOUD.format(then=""))
    result = yard.up(UNTIL_LOADED)
    assert result.exit_code == 0, result.errors


def test_a_module_that_the_plugin_cannot_load_is_told_of_by_the_call_that_needs_it(yard):
    (yard.root / "loud.py").write_text(LOUD.format(then="raise RuntimeError('not in this process')"))
    result = yard.up(UNTIL_LOADED)
    assert result.exit_code == 1 and "not in this process" in "\n".join(result.errors)


class Starts:
    """Plugins that are up once a test says so."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.began, self.up = ({name: threading.Event() for name in "ab"} for _ in range(2))

    def __call__(self, package, version, module):
        self.begun.append(package)
        self.began[package].set()
        assert self.up[package].wait(60)
        return f"{package} {version}"


@pytest.fixture
def two_processors(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})


def test_plugins_that_find_no_processor_free_start_one_after_the_other(two_processors):
    starts = Starts()
    early = Early(starts)
    early.expect("a", "1.0.0")
    early.expect("b", "1.0.0")
    starts.up["b"].set()
    assert starts.began["a"].wait(60) and not starts.began["b"].wait(0.3)
    starts.up["a"].set()
    assert (early.take("a", "v1.0.0"), early.take("b", "1.0.0")) == ("a 1.0.0", "b 1.0.0")
    assert starts.begun == ["a", "b"]


def test_one_that_is_asked_for_before_its_turn_starts_at_once(two_processors):
    starts = Starts()
    early = Early(starts)
    early.expect("a", "1.0.0")
    early.expect("b", "1.0.0")
    assert starts.began["a"].wait(60)
    starts.up["b"].set()
    assert early.take("b", "1.0.0") == "b 1.0.0"
    starts.up["a"].set()
    assert early.take("a", "1.0.0") == "a 1.0.0"
    assert starts.begun == ["a", "b"]  # neither of them twice
