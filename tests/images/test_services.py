"""The services' images start as they are run: read-only, without capabilities, without a network."""

from __future__ import annotations

import subprocess
import uuid

import pytest

pytestmark = pytest.mark.perimeter

CONFINED = [
    "--rm",
    "--read-only",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--network=none",
    "--ulimit=nofile=4096:4096",
    "--ulimit=nproc=4096:4096",
]
IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [module.name for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + ".") if not module.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def run(reference: str, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    name = f"images-test-{uuid.uuid4().hex[:8]}"
    return subprocess.run(
        ["podman", "run", f"--name={name}", *CONFINED, *options, reference, *command], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("name", "command", "words"), [("egress", "--version", "/1.40.0/"), ("secrets", "version", "OpenBao v2.7.2")])
def test_the_program_starts(name, command, words, loaded):
    done = run(loaded(name), command)
    assert words in done.stdout, done.stderr


@pytest.mark.parametrize("name", ["host", "control_plane"])
def test_every_module_of_the_service_can_be_imported(name, loaded):
    done = run(loaded(name), "-I", "-c", IMPORT_ALL, f"domicile_{name}", options=("--entrypoint=/usr/bin/python3",))
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0


@pytest.mark.parametrize("name", ["host", "control_plane"])
def test_the_entrypoint_is_the_service(name, loaded):
    done = run(loaded(name), "--help")
    assert done.returncode == 0, done.stderr
    assert f"domicile_{name}" in done.stdout


@pytest.mark.parametrize("name", ["host", "egress", "secrets", "control_plane"])
def test_there_is_no_shell_to_start(name, loaded):
    assert run(loaded(name), "-c", "true", options=("--entrypoint=/bin/sh",)).returncode == 127
