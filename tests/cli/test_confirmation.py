"""`domicile up` and `domicile destroy` show what they would do and ask; where nobody can be asked they want `--yes`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from terminal import Terminal


@pytest.fixture
def elsewhere(small_project):
    """A stack of a cloud: `up` builds no images for it. Its program needs nothing."""
    file = small_project.project / "stacks" / "Pulumi.local.yaml"
    (small_project.project / "stacks" / "Pulumi.far.yaml").write_text((Path(__file__).parents[2] / "stacks/Pulumi.tokyo.yaml").read_text())
    (file.parent / "__main__.py").write_text("import pulumi\npulumi.export('place', 'far')\n")
    return small_project


def at_terminal(command, *arguments):
    return Terminal([sys.executable, "-m", "domicile.cli", *arguments], command.project, command.environment)


@pytest.mark.parametrize("arguments", [["up", "far"], ["destroy", "far"], ["up", "far", "--json"], ["destroy", "local", "--json"]])
def test_without_yes_and_a_terminal_nothing_is_touched(elsewhere, arguments):
    ran = elsewhere(*arguments)
    assert ran.returncode == 2 and "--yes" in ran.stderr
    assert not elsewhere.touched


def test_up_shows_its_plan_and_a_no_changes_nothing(elsewhere):
    shown = at_terminal(elsewhere, "up", "far")
    assert "1 to create" in shown.until("[yes/no/details]")
    shown.say("no")
    code, text = shown.end()
    assert code == 1 and "nothing was changed" in text
    assert elsewhere("preview", "far", "--json").stdout.count('"create": 1') == 1


def test_up_and_destroy_go_on_with_a_yes(elsewhere):
    for verb, done in (("up", "1 created"), ("destroy", "removed")):
        shown = at_terminal(elsewhere, verb, "far")
        shown.until("[yes/no/details]")
        shown.say("yes")
        code, text = shown.end()
        assert code == 0 and done in text


def test_what_the_preview_refuses_is_not_asked_for(elsewhere):
    (elsewhere.project / "stacks" / "__main__.py").write_text("raise RuntimeError('no luck today')\n")
    code, text = at_terminal(elsewhere, "up", "far").end()
    assert code == 1 and "no luck today" in text and "[yes/no/details]" not in text


def test_a_preview_shows_properties_with_diff(elsewhere):
    ran = elsewhere("preview", "far", "--diff")
    assert ran.returncode == 0 and "+ pulumi:pulumi:Stack: (create)" in ran.stdout
