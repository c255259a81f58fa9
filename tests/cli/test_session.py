"""`domicile session` against the running stand-in, with nobody to serve: it follows, and ends with the verdict's exit code."""

import json
import os
import socket
import subprocess
import sys

import pytest

from domicile.places import StackPlaces

LOST = """name: lost
limit_seconds: 1
turns:
  - calls:
      - {id: who, tool: bash, input: {command: id}}
"""


@pytest.fixture
def stand_in(small_project):
    places = StackPlaces.of("local", small_project.environment)
    places.control_plane_admin.parent.mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "domicile_control_plane", "serve", "--store", str(small_project.folder / "plane.sqlite")]
    command += ["--listen", f"127.0.0.1:{port}", "--admin", f"unix:{places.control_plane_admin}"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, env={"PATH": os.environ["PATH"]}, text=True)
    try:
        assert "ready" in server.stderr.readline()
        yield places
    finally:
        server.terminate()
        server.communicate(timeout=10)


def make_environment(places):
    from domicile.cli.services import ask

    ask(places.control_plane_admin, "POST", "/admin/environments", {"id": "env_local", "name": "local"})


def test_a_session_that_nobody_serves_fails_with_its_reasons(small_project, stand_in, tmp_path):
    make_environment(stand_in)
    (tmp_path / "lost.yaml").write_text(LOST)
    ran = small_project("session", "--scenario", str(tmp_path / "lost.yaml"), "--json")
    assert ran.returncode == 1, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["passed"], told["verdict"], told["scenario"]) == (False, "failed", "lost")
    assert [call["outcome"] for call in told["calls"]] == ["no result"]
    assert told["reasons"]


@pytest.mark.parametrize("scenario", ["nonsense: true\n", "- a list\n", "name: [\n"])
def test_a_wrong_scenario_is_wrong_input(small_project, stand_in, tmp_path, scenario):
    make_environment(stand_in)
    (tmp_path / "wrong.yaml").write_text(scenario)
    ran = small_project("session", "--scenario", str(tmp_path / "wrong.yaml"))
    assert ran.returncode == 2, ran.stderr


def test_without_a_stack_it_says_so(small_project):
    ran = small_project("session")
    assert ran.returncode == 1
    assert "is the stack up" in ran.stderr


def test_a_real_control_plane_has_no_scripted_session(small_project):
    (small_project.project / "stacks" / "Pulumi.local.yaml").write_text(
        "config:\n  domicile:jurisdiction: jp\n  domicile:controlPlane: {kind: anthropic}\n"
        "  domicile:environment: {id: env_1}\n  domicile:egress: {resolvers: [9.9.9.9]}\n"
    )
    assert small_project("session").returncode == 2
    next_step = small_project("session", "--if-stand-in")
    assert next_step.returncode == 0
    assert "domicile key" in next_step.stdout
