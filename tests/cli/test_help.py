"""Every verb explains itself, at once, and says how it exits."""

import re

import pytest
from typer.main import get_command

from domicile.cli.app import app

VERBS = sorted(get_command(app).commands)


def test_help_names_every_verb_the_exit_codes_and_the_places(domicile):
    ran = domicile("--help")
    assert ran.returncode == 0
    assert all(re.search(rf"│ {verb}\s", ran.stdout) for verb in VERBS)
    assert "Exit codes" in ran.stdout
    assert "DOMICILE_HOME" in ran.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(domicile, verb):
    ran = domicile(verb, "--help")
    assert ran.returncode == 0
    assert f"domicile.cli {verb}" in ran.stdout or f"domicile {verb}" in ran.stdout
    assert not domicile.touched


def test_help_loads_nothing_heavy(domicile):
    """Start-up time is imports: none of these may be among them."""
    import subprocess
    import sys

    code = "import sys; sys.argv = ['domicile', '--help']\nfrom domicile.cli import main\ntry: main()\nexcept SystemExit: pass\n"
    code += "print([name for name in ('pulumi', 'grpc', 'pydantic', 'httpx', 'yaml', 'domicile.config') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=domicile.environment, timeout=60)
    assert ran.stdout.strip().splitlines()[-1] == "[]"


@pytest.mark.parametrize("arguments", [["updown"], ["up", "--force"], ["check", "local", "extra"], ["key", "--credential"]])
def test_a_wrong_command_line_exits_with_2_and_touches_nothing(domicile, arguments):
    ran = domicile(*arguments)
    assert ran.returncode == 2
    assert ran.stderr
    assert not domicile.touched
