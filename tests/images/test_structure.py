"""What may be in an image, and what may not: read from the layers, file by file."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
USERS = {"sandbox": "65532:65532", "host": "65530:65530", "egress": "65531:65531", "secrets": "65528:65528", "control_plane": "65527:65527"}
SHELLS = {"bash", "sh", "rbash", "dash", "ash", "zsh", "ksh", "csh", "tcsh", "fish", "busybox", "toybox"}
ALLOWED_SHELLS = {"sandbox": {"usr/bin/bash", "usr/bin/sh", "usr/bin/rbash"}}
INSTALLERS = re.compile(r"(^|/)(dpkg[^/]*|apt[^/]*|pip\d*|pipx|easy_install|npm|snap|rpm|apk|yum|dnf|conda)$")
WRITABLE = {"tmp", "workspace", "mnt/memory"}
SELF_TESTS = ("usr/lib/x86_64-linux-gnu/libgnutls.so",)  # libraries with published keys in them, to test themselves with
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\r?\n[A-Za-z0-9+/=\r\n]{100,}")

every_image = pytest.mark.parametrize("name", sorted(USERS))


def test_every_recipe_is_under_test():
    assert {path.parent.name for path in CHECKOUT.glob("images/*/recipe.yaml")} == set(USERS)


@every_image
def test_no_set_id_file_and_no_file_capability(name, members):
    assert [path for path, member in members(name).items() if member.info.mode & 0o6000] == []
    assert [path for path, member in members(name).items() if any("xattr" in header.lower() for header in member.info.pax_headers)] == []


@every_image
def test_no_package_manager(name, members):
    tools = [path for path, member in members(name).items() if INSTALLERS.search(path) and (member.info.isfile() or member.info.issym())]
    assert [path for path in tools if not path.startswith(("usr/share/doc/", "var/lib/dpkg/status.d/"))] == []
    assert not any("/ensurepip/" in path or "-packages/pip/" in path for path in members(name))


@every_image
def test_no_shell_but_the_sandbox_bash(name, members):
    shells = {path for path in members(name) if "/bin/" in f"/{path}" and path.rpartition("/")[2] in SHELLS}
    assert shells == ALLOWED_SHELLS.get(name, set())


@every_image
def test_nothing_is_writable_for_others_but_the_mount_points(name, members):
    writable = {path for path, member in members(name).items() if member.info.mode & 0o022 and not member.info.issym()}
    assert writable <= WRITABLE
    assert all(members(name)[path].info.mode & stat.S_ISVTX for path in writable)


@every_image
def test_root_owns_every_file(name, members):
    assert {path for path, member in members(name).items() if member.info.uid or member.info.gid} <= {"workspace", "mnt/memory"}


@every_image
def test_no_device_and_no_hard_link(name, members):
    kinds = {member.info.type for member in members(name).values()}
    assert kinds <= {b"0", b"2", b"5"}


@every_image
def test_runs_as_its_own_unprivileged_user(name, configuration):
    assert configuration(name)["User"] == USERS[name]


@every_image
def test_no_secret_and_no_trace_of_the_machine_that_built_it(name, members, key):
    private = re.sub(rb"\s", b"", key.public_key.with_name("images.key").read_bytes())[40:100]
    traces = (str(CHECKOUT).encode(), str(Path.home() / ".cache").encode(), private)
    for path, member in members(name).items():
        assert path.startswith(SELF_TESTS) or not PRIVATE_KEY.search(member.data), path
        assert not any(trace in member.data for trace in traces), path
        assert path.rpartition("/")[2] not in {".env", ".git", ".netrc", "id_rsa", "images.key", ".pypirc", ".bash_history"}
    assert {member.info.mtime for member in members(name).values()} == {1_700_000_000}
    assert {member.info.uname for member in members(name).values()} == {""}


@every_image
def test_every_link_leads_somewhere(name, members):
    found = members(name)

    def real(path: str) -> str:
        for _ in range(20):
            parts = path.split("/")
            link = next((i for i in range(1, len(parts) + 1) if (m := found.get("/".join(parts[:i]))) and m.info.issym()), None)
            if link is None:
                return path
            head = "/".join(parts[:link])
            path = os.path.normpath(os.path.join("/", os.path.dirname(head), found[head].info.linkname, *parts[link:])).lstrip("/")
        return path

    dangling = [path for path, member in found.items() if member.info.issym() and real(path) not in {*found, "proc/self/mounts"}]
    assert [path for path in dangling if not path.startswith(("usr/share/doc/", "etc/"))] == []


@pytest.mark.parametrize("name", sorted(USERS))
def test_an_image_passes_container_structure_test(name, image, tmp_path):
    archive, tool = tmp_path / "image.tar", Path(sys.executable).with_name("container-structure-test")
    layout = f"oci:{image(name).layout}:localhost/domicile/{name}:latest"
    subprocess.run(["skopeo", "copy", "--quiet", layout, f"docker-archive:{archive}:domicile/{name}:test"], check=True)
    rules = CHECKOUT / "images" / name / "structure.yaml"
    done = subprocess.run(
        [tool, "test", "--driver=tar", f"--image={archive}", f"--config={rules}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "program", ["usr/bin/stty", "usr/bin/git", "usr/bin/rg", "usr/bin/python3", "usr/bin/tar", "usr/bin/find", "usr/bin/sed"]
)
def test_sandbox_has_what_the_toolset_and_agents_need(program, members):
    assert program in members("sandbox")


@pytest.mark.parametrize("name", sorted(USERS))
def test_ca_certificates_are_there(name, members):
    assert members(name)["etc/ssl/certs/ca-certificates.crt"].data.count(b"BEGIN CERTIFICATE") > 100
