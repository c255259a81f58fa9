"""S9: a wrong configuration ends every verb that needs one with exit code 2, one fault, and nothing touched."""

import json
import runpy
from pathlib import Path

import pytest

TABLE = runpy.run_path(str(Path(__file__).parents[1] / "config" / "conftest.py"))
CASES = {name: TABLE["as_yaml"](case) for name, case in TABLE["CASES"].items()}


def test_check_refuses_every_wrong_configuration_and_touches_nothing(small_project, in_process):
    """All of the table through the command itself, in one process for speed."""
    for name, text in CASES.items():
        (small_project.project / "stacks" / "Pulumi.local.yaml").write_text(text)
        code, out, err = in_process(small_project, "check", "--json")
        assert code == 2, name
        assert len(json.loads(out)["faults"]) == 1, name
        assert "one fault" in err, name
    assert not small_project.touched
    assert {path.name for path in small_project.project.rglob("*") if path.is_file()} == {"Pulumi.yaml", "Pulumi.local.yaml", "__main__.py"}


@pytest.mark.parametrize("verb", ["up", "preview", "refresh", "destroy", "key", "session"])
@pytest.mark.parametrize("name", ["jurisdiction-missing", "tunnel-with-credential", "file-no-yaml"])
def test_a_wrong_configuration_stops_each_verb_before_it_touches_anything(small_project, verb, name):
    (small_project.project / "stacks" / "Pulumi.local.yaml").write_text(CASES[name])
    ran = small_project(verb, "local")
    assert ran.returncode == 2
    assert "one fault" in ran.stderr
    assert "allowed" in ran.stderr
    assert not small_project.touched


@pytest.mark.parametrize("stack", ["../etc", "Local", "state", "a-outside", "x" * 40, "nope"])
def test_a_stack_that_cannot_be_is_refused(small_project, stack):
    ran = small_project("up", stack)
    assert ran.returncode == 2
    assert not small_project.touched


@pytest.mark.parametrize("root", ["relative/home", "/tmp/../etc"])
def test_a_home_that_cannot_be_is_refused(small_project, root):
    assert small_project("check", DOMICILE_HOME=root).returncode == 2


def test_a_run_folder_too_long_for_sockets_is_refused(small_project):
    ran = small_project("check", DOMICILE_RUN="/tmp/" + "long/" * 30)
    assert ran.returncode == 2
    assert "socket" in ran.stderr


def test_a_right_configuration_is_shown_as_it_is_in_force(domicile):
    ran = domicile("check", "--configuration", "--json")
    assert ran.returncode == 0
    told = json.loads(ran.stdout)
    assert told["controlPlane"]["url"] == "https://203.0.113.10"
    assert told["workerHost"]["limits"]["memory"] == 1 << 30
    assert not domicile.touched
