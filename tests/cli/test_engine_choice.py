"""`domicile` runs Pulumi's own CLI where there is one, else the embedded engine; DOMICILE_ENGINE forces either."""

import json
import os
import stat

import pytest

SCRIPT = """#!/bin/sh
# Stands where Pulumi's CLI would: notes how it is called.
echo "$* | $PULUMI_BACKEND_URL | $PULUMI_CONFIG_PASSPHRASE_FILE | $PULUMI_SKIP_UPDATE_CHECK" >> "$CALLS"
case "$*" in
  *history*) echo '[{"resourceChanges": {"same": 3}}]' ;;
  *output*) echo '{"auditPath": "/a"}' ;;
esac
"""


@pytest.fixture
def pulumi_on_path(small_project, tmp_path):
    folder, calls = tmp_path / "bin", tmp_path / "calls"
    folder.mkdir()
    (folder / "pulumi").write_text(SCRIPT)
    (folder / "pulumi").chmod(0o755)
    small_project.environment |= {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "CALLS": str(calls)}
    small_project.environment.pop("DOMICILE_ENGINE")
    small_project.calls = lambda: calls.read_text().splitlines() if calls.exists() else []
    return small_project


def engine(command, **variables):
    return json.loads(command("version", "--json", **variables).stdout)["engine"]


def test_pulumi_on_path_wins_unless_the_embedded_engine_is_forced(pulumi_on_path):
    assert engine(pulumi_on_path) == "pulumi"
    assert engine(pulumi_on_path, DOMICILE_ENGINE="embedded") == "embedded"


def test_without_pulumi_the_embedded_engine_serves_and_cannot_be_forced_away(small_project):
    assert engine(small_project, DOMICILE_ENGINE="", PATH="/usr/bin:/bin") == "embedded"
    for forced in ("pulumi", "terraform"):
        ran = small_project("preview", DOMICILE_ENGINE=forced, PATH="/usr/bin:/bin")
        assert ran.returncode == 2
        assert "DOMICILE_ENGINE" in ran.stderr
        assert not small_project.touched


def test_pulumi_is_called_with_the_file_backend_and_its_own_passphrase_file(pulumi_on_path):
    ran = pulumi_on_path("refresh")
    assert ran.returncode == 0, ran.stderr
    assert "no drift" in ran.stdout
    select, refresh, *_ = pulumi_on_path.calls()
    assert select.startswith("stack select --create local")
    assert refresh.startswith("refresh --stack local --non-interactive --yes")
    home = pulumi_on_path.home
    assert f"| file://{home}/state | {home}/passphrase | true" in refresh
    assert stat.S_IMODE((home / "passphrase").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "state").stat().st_mode) == 0o700


def test_a_backend_and_passphrase_of_the_users_own_stay(pulumi_on_path):
    pulumi_on_path("refresh", PULUMI_BACKEND_URL="file:///elsewhere", PULUMI_CONFIG_PASSPHRASE="mine")
    assert "| file:///elsewhere |  | true" in pulumi_on_path.calls()[0]
    assert not (pulumi_on_path.home / "passphrase").exists()


def test_a_failing_pulumi_ends_with_1_and_its_words(pulumi_on_path, tmp_path):
    (tmp_path / "bin" / "pulumi").write_text("#!/bin/sh\necho 'error: the stack is locked' >&2\nexit 255\n")
    ran = pulumi_on_path("refresh")
    assert ran.returncode == 1
    assert "the stack is locked" in ran.stderr


def test_the_embedded_engine_previews_refreshes_and_destroys(small_project):
    preview = small_project("preview", "--json")
    assert preview.returncode == 0, preview.stderr
    assert json.loads(preview.stdout)["changes"] == {"create": 1}
    passphrase = (small_project.home / "passphrase").read_text()
    assert small_project("refresh").returncode == 0
    assert (small_project.home / "passphrase").read_text() == passphrase
    destroyed = small_project("destroy", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    assert "nothing is retained" in destroyed.stdout
    assert not small_project.touched


def test_the_projects_own_file_stays_as_it_is(small_project):
    file = small_project.project / "stacks" / "Pulumi.local.yaml"
    before = file.read_text()
    for verb in (["preview"], ["refresh"], ["destroy", "--yes"]):
        assert small_project(*verb).returncode == 0
    assert file.read_text() == before


def test_a_program_that_fails_ends_with_1_and_says_why(small_project):
    (small_project.project / "stacks" / "__main__.py").write_text("raise RuntimeError('no luck today')\n")
    ran = small_project("preview", of_program=True)
    assert ran.returncode == 1
    assert "no luck today" in ran.stderr
