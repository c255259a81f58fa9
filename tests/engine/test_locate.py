"""Plugins are found where Pulumi's CLI would find them, and what isn't found is named with where it was looked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from domicile.engine import PluginError, PolicyPack, Project, ProjectError, UnsupportedError, preview
from domicile.engine.plugins.locate import LocalPlugin, locate

from .test_policies import HEAD, STRICT, found


def executable(folder: Path, name: str = "pulumi-resource-odd", mode: int = 0o755) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(mode)
    return folder / name


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty $PULUMI_HOME/plugins, and a PATH with an empty folder of our own at its front."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path / "home/plugins"


def test_the_very_version_that_is_asked_for(home):
    for version in ("1.0.0", "1.2.0", "1.10.0"):
        executable(home / f"resource-odd-v{version}")
    assert locate("resource", "odd", "1.2.0").parent.name == "resource-odd-v1.2.0"
    assert locate("resource", "odd", "v1.2.0").parent.name == "resource-odd-v1.2.0"
    with pytest.raises(PluginError, match=r"there: 1\.0\.0, 1\.2\.0, 1\.10\.0"):
        locate("resource", "odd", "1.3.0")


@pytest.mark.parametrize(
    ("installed", "newest"),
    [
        (["1.9.0", "1.10.0", "1.2.0"], "1.10.0"),
        (["2.0.0-alpha.1", "1.10.0", "2.0.0-alpha.10", "2.0.0-alpha.9"], "2.0.0-alpha.10"),
        (["2.0.0", "2.0.0-rc.1", "2.0.0-beta"], "2.0.0"),
        (["1.0.0+build.7"], "1.0.0+build.7"),
    ],
)
def test_the_newest_where_no_version_is_asked_for(home, installed, newest):
    for version in installed:
        executable(home / f"resource-odd-v{version}")
    assert locate("resource", "odd", "").parent.name == f"resource-odd-v{newest}"


def test_an_installation_that_was_cut_short_is_none(home):
    executable(home / "resource-odd-v1.0.0")
    executable(home / "resource-odd-v2.0.0")
    (home / "resource-odd-v2.0.0.partial").touch()
    assert locate("resource", "odd", "").parent.name == "resource-odd-v1.0.0"


def test_path_comes_before_what_is_installed_unless_it_is_to_be_ignored(home, tmp_path, monkeypatch):
    executable(home / "resource-odd-v1.0.0")
    on_path = executable(tmp_path / "bin")
    assert locate("resource", "odd", "1.0.0") == on_path
    monkeypatch.setenv("PULUMI_IGNORE_AMBIENT_PLUGINS", "true")
    assert locate("resource", "odd", "1.0.0").parent.name == "resource-odd-v1.0.0"


def test_the_projects_own_plugins_come_first(home, tmp_path):
    executable(tmp_path / "bin")
    mine = executable(tmp_path / "mine")
    assert locate("resource", "odd", "1.0.0", [LocalPlugin("resource", "odd", tmp_path / "mine")]) == mine
    assert locate("resource", "odd", "1.0.0", [LocalPlugin("resource", "odd", tmp_path / "mine", "1.0.0")]) == mine
    assert locate("resource", "odd", "1.0.0", [LocalPlugin("resource", "odd", tmp_path / "mine", "2.0.0")]) != mine
    assert locate("resource", "odd", "", [LocalPlugin("analyzer", "odd", tmp_path / "mine")]) != mine


def test_what_is_not_found_is_named_with_the_places_and_the_cure(home):
    with pytest.raises(PluginError) as caught:
        locate("resource", "odd", "1.2.3")
    for word in ("resource plugin odd 1.2.3", "pulumi-resource-odd", "PATH", str(home / "resource-odd-v1.2.3")):
        assert word in str(caught.value)
    assert "`pulumi plugin install resource odd v1.2.3`" in str(caught.value)


def test_what_is_not_executable_is_said_so(home, tmp_path):
    executable(home / "resource-odd-v1.0.0", mode=0o644)
    with pytest.raises(PluginError, match=r"chmod \+x"):
        locate("resource", "odd", "1.0.0")
    with pytest.raises(PluginError, match="there is no such file"):
        locate("resource", "other", "", [LocalPlugin("resource", "other", tmp_path)])


def project(root: Path, plugins: str) -> Project:
    (root / "Pulumi.yaml").write_text(f"name: yard\nruntime: python\nplugins:\n{plugins}")
    return Project.load(root)


def test_pulumi_yaml_names_plugins_by_path(tmp_path):
    (tmp_path / "bin").mkdir()
    loaded = project(tmp_path, "  providers: [{name: odd, path: bin, version: v1.2.3}]\n  analyzers: [{name: policy-opa, path: ./bin}]\n")
    assert loaded.plugins == (
        LocalPlugin("resource", "odd", tmp_path / "bin", "1.2.3"),
        LocalPlugin("analyzer", "policy-opa", tmp_path / "bin"),
    )


@pytest.mark.parametrize(
    ("plugins", "error", "said"),
    [
        ("  providers: [{name: odd}]\n", ProjectError, r"providers\[0\]: needs `name` and `path`"),
        ("  providers: [{name: odd, path: nowhere}]\n", ProjectError, "there is no folder .*nowhere"),
        ("  provider: []\n", ProjectError, "must be a mapping with `providers:`"),
        ("  languages: [{name: python, path: .}]\n", UnsupportedError, "languages"),
    ],
)
def test_plugins_that_cant_be_used_are_refused_with_their_place(tmp_path, plugins, error, said):
    with pytest.raises(error, match=said):
        project(tmp_path, plugins)


def test_a_pack_of_another_runtime_runs_by_its_analyzer_plugin(yard, tmp_path):
    """As the CLI does for packs whose runtime has a `pulumi-analyzer-policy-RUNTIME`: with the engine's address, `.` and the options."""
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/PulumiPolicy.yaml").write_text("runtime: {name: opa, options: {strict: true}}\n")
    (tmp_path / "pack/rules.py").write_text(HEAD + "import sys\nassert sys.argv[2:] == ['.', '-strict=true'], sys.argv\n" + STRICT)
    (tmp_path / "bin").mkdir()
    plugin = executable(tmp_path / "bin", "pulumi-analyzer-policy-opa")
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} rules.py "$@"\n')
    yard.stack = type(yard.stack).of(
        project(yard.root, "  analyzers: [{name: policy-opa, path: ../bin}]\n"), "dev", f"file://{yard.backend}", "correct-horse"
    )
    yard.program("Thing('a', body='x')\n")
    assert found(preview(yard.stack, policy_packs=[PolicyPack(tmp_path / "pack")])) == [("mandatory", "no-body", "a")]
