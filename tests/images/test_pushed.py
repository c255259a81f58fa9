"""The resource that pushes, on the embedded engine and against Debian's registry, which takes a token as ECR does and nobody without."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from domicile.aws.names import IMAGES
from domicile.config.aws import Images
from domicile.engine import Project, Stack, destroy, preview, refresh, up
from domicile.machine.command import CommandError
from domicile.rehearsal import Rehearsal
from domicile.sandbox_image.pushed import PushedImageProvider, PushedImageSpec, require
from domicile_images import Key, Login, Repository, key_in

from .conftest import TOKEN

CHECKOUT = Path(__file__).parents[2]
REPOSITORY = "domicile-tokyo/host"
KIT = """
import os, time
from pathlib import Path
from domicile.sandbox_image.pushed import PushedImage, PushedImageProvider
from domicile_images import Repository

class Provider(PushedImageProvider):
    images = Path({cache!r})

    def ensure(self, spec):
        if os.environ.get("HANG"):
            Repository.put_manifest = hang
        return super().ensure(spec)

def hang(*_):
    Path(os.environ["HANG"]).touch()
    time.sleep(600)

class Pushed(PushedImage, module="sandbox_image"):
    provider = Provider()
"""


@pytest.fixture
def login(tmp_path, monkeypatch):
    """AWS's command, as one who is logged in has it; it notes how it was called."""
    program = tmp_path / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/asked\n[ "$1 $2" = "ecr get-login-password" ] && echo {TOKEN}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.delenv("PULUMI_HOME", raising=False)
    return program


def wanted(image, registry, **changed):
    asked = {"image": image.name, "digest": image.digest, "signing_key": image.public_key.read_text()}
    return {**asked, "registry": registry, "repository": REPOSITORY, "region": "ap-northeast-1", **changed}


def here(cache: Path) -> PushedImageProvider:
    """The resource's provider on a machine with this cache of built images."""
    made = PushedImageProvider()
    made.images = cache
    return made


def opened(registry):
    return Repository(f"http://{registry}", REPOSITORY, Login("AWS", TOKEN))


class Region:
    """A stack of one pushed image."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.backend = root / "project", root / "backend"
        self.root.mkdir(parents=True)
        self.backend.mkdir()
        (self.root / "Pulumi.yaml").write_text("name: pushed\nruntime: python\n")
        (self.root / "kit.py").write_text(KIT.format(cache=str(cache)))
        self.stack = Stack.of(Project.load(self.root), "dev", f"file://{self.backend}", "correct-horse")
        self.stack.init()

    def wants(self, **inputs):
        (self.root / "__main__.py").write_text(f"from kit import Pushed\nPushed('host', **{inputs!r})\n")
        return self

    def up(self):
        return up(self.stack, preview_first=False, break_dead_lock=True)


@pytest.fixture
def region(tmp_path, login):
    return Region(tmp_path / "here", tmp_path / "cache")


def manifests(registry, *digests):
    with opened(registry) as repository:
        return [repository.has("manifests", digest) for digest in digests]


def test_up_pushes_an_image_once_and_a_new_one_beside_it_and_destroy_leaves_both(region, locked_registry, small, tmp_path):
    first = small()
    region.wants(**wanted(first, locked_registry))
    assert preview(region.stack).exit_code == 0
    assert manifests(locked_registry, first.digest) == [False], "a preview pushes nothing"
    assert not (tmp_path / "asked").exists(), "nor asks for a token"
    assert region.up().summary["create"]
    assert manifests(locked_registry, first.digest) == [True]
    assert region.up().changes == 0
    second = small("another")
    region.wants(**wanted(second, locked_registry))
    result = region.up()
    assert result.exit_code == 0, result.errors
    assert result.summary["replace"] == 1
    assert manifests(locked_registry, first.digest, second.digest) == [True, True]
    assert destroy(region.stack).exit_code == 0
    assert manifests(locked_registry, first.digest, second.digest) == [True, True]


def test_the_registrys_token_is_in_no_file_and_no_argument(region, locked_registry, small, tmp_path):
    region.wants(**wanted(small(), locked_registry))
    said = []
    assert up(region.stack, said.append, preview_first=False).exit_code == 0
    assert "ecr get-login-password --region ap-northeast-1" in (tmp_path / "asked").read_text()
    for needle in (TOKEN.encode(), base64.b64encode(f"AWS:{TOKEN}".encode())):
        assert [path for path in (tmp_path / "here").rglob("*") if path.is_file() and needle in path.read_bytes()] == []
        assert needle.decode() not in "".join(f"{event}" for event in said)


def test_an_image_that_vanished_from_the_registry_is_found_missing_and_pushed_again(region, locked_registry, small):
    image = small()
    region.wants(**wanted(image, locked_registry))
    region.up()
    place = f"http://{locked_registry}/v2/{REPOSITORY}/manifests/{image.digest}"
    assert httpx.delete(place, auth=("AWS", TOKEN)).status_code == 202
    assert refresh(region.stack).changes == 1
    assert region.up().summary["create"] == 1
    assert manifests(locked_registry, image.digest) == [True]


def test_an_up_that_is_killed_in_a_push_is_taken_up_by_the_next(region, locked_registry, small, tmp_path):
    image = small()
    region.wants(**wanted(image, locked_registry))
    reached = tmp_path / "reached"
    command = [sys.executable, "-m", "domicile.engine", "up", "--stack", "dev", "--yes", "--skip-preview"]
    places = {"PULUMI_BACKEND_URL": f"file://{region.backend}", "PULUMI_CONFIG_PASSPHRASE": "correct-horse", "HANG": str(reached)}
    with (tmp_path / "log").open("w") as log:
        killed = subprocess.Popen(command, cwd=region.root, env={**os.environ, **places}, stdout=log, stderr=log)
        until = time.monotonic() + 60
        while not reached.exists():
            assert killed.poll() is None and time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.02)
        killed.kill()
        killed.wait()
    assert manifests(locked_registry, image.digest) == [False]
    result = region.up()
    assert result.exit_code == 0, result.errors
    assert manifests(locked_registry, image.digest) == [True]
    assert region.up().changes == 0


def test_a_machine_without_the_built_image_goes_on_where_the_registry_has_it_and_else_says_what_to_do(
    login, locked_registry, small, tmp_path
):
    image = small()
    inputs, elsewhere = wanted(image, locked_registry), here(tmp_path / "empty")
    with pytest.raises(CommandError, match="domicile images build"):
        elsewhere.create(inputs)
    made = here(tmp_path / "cache").create(inputs)
    assert elsewhere.create(inputs).id == made.id
    assert elsewhere.read(made.id, made.outs).id == made.id
    assert not elsewhere.diff(made.id, made.outs, inputs).changes
    assert str(tmp_path) not in json.dumps(made.outs), "nothing of the machine that pushed is in the state"


def test_a_built_image_of_another_key_is_refused(login, locked_registry, small, tmp_path):
    other: Key = key_in(tmp_path / "keys")
    with pytest.raises(CommandError, match="signingKey"):
        here(tmp_path / "cache").create(wanted(small(), locked_registry, signing_key=other.public_key.read_text()))


def test_a_changed_layout_is_refused_and_says_where(login, locked_registry, small, tmp_path):
    image = small()
    layer = image.layout / "blobs" / "sha256" / image.layers[0].sha256
    layer.unlink()
    layer.write_bytes(b"other bytes")
    with pytest.raises(CommandError, match="build it again"):
        here(tmp_path / "cache").create(wanted(image, locked_registry))
    assert manifests(locked_registry, image.digest) == [False]


def test_a_token_that_the_registry_refuses_isnt_told(login, locked_registry, small, tmp_path):
    login.write_text("#!/bin/sh\necho another-token\n")
    with pytest.raises(CommandError, match="401") as refused:
        here(tmp_path / "cache").create(wanted(small(), locked_registry))
    assert "another-token" not in str(refused.value)


def test_without_awss_command_the_operator_is_told_what_to_install(login, locked_registry, small, tmp_path, monkeypatch):
    inputs = wanted(small(), locked_registry)
    with monkeypatch.context() as bare, pytest.raises(CommandError, match="no `aws` on PATH"):
        bare.setenv("PATH", str(tmp_path))
        here(tmp_path / "cache").create(inputs)


def test_a_stack_is_told_before_anything_is_touched_that_an_image_isnt_built(login, locked_registry, small, tmp_path, monkeypatch):
    image, warned = small(), []
    spec = PushedImageSpec(**wanted(image, locked_registry))
    require([spec], False, tmp_path / "cache")
    with pytest.raises(CommandError, match="domicile images build"):
        require([spec], False, tmp_path / "empty")
    monkeypatch.setattr("pulumi.log.warn", warned.append)
    (tmp_path / "asked").unlink()
    require([spec], True, tmp_path / "empty")
    assert len(warned) == 1
    assert not (tmp_path / "asked").exists(), "a preview asks nobody"
    here(tmp_path / "cache").create(wanted(image, locked_registry))
    require([spec], False, tmp_path / "empty")


def test_only_a_rehearsals_home_stands_for_the_registry(login, locked_registry, small, tmp_path, monkeypatch):
    """With any other, the registry itself is asked; in a rehearsal an image that is built here is verified all the same."""
    image = small()
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    here(tmp_path / "cache").create(wanted(image, locked_registry))
    assert manifests(locked_registry, image.digest) == [True]
    for name, value in Rehearsal(tmp_path / "rehearsal").plugins("aws").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(CommandError, match="RepositoryNotFoundException"):
        here(tmp_path / "cache").create(wanted(image, locked_registry))
    (image.layout / "index.json").unlink()
    with pytest.raises(CommandError, match="build it again"):
        here(tmp_path / "cache").create(wanted(image, locked_registry))


def test_build_prints_what_a_stacks_file_takes(cache, key, image, tmp_path):
    """The section `images` of a region's stack, from the command that the runbook names; the tests' own key finds all built."""
    shutil.copytree(key.public_key.parent, tmp_path / "home" / "tokyo" / "keys")
    command = [sys.executable, "-m", "domicile.cli", "images", "build", "--stack", "tokyo"]
    places = {"DOMICILE_HOME": str(tmp_path / "home"), "DOMICILE_RUN": str(tmp_path / "run")}
    ran = subprocess.run(command, cwd=CHECKOUT, env={**os.environ, **places}, capture_output=True, text=True, check=True)
    section = Images.model_validate(yaml.safe_load(ran.stdout)["images"])
    assert {name: getattr(section, name) for name in IMAGES} == {name: image(name).digest for name in IMAGES}
    assert section.signing_key == key.public_key.read_text()
