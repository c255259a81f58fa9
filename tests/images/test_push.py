"""An image in a registry: the same digest, with all beside it that a machine and an auditor look for, and no other's in its place."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from domicile.aws.names import Names
from domicile.aws.scripts import LIBRARY, library
from domicile.worker_hosts.aws.scripts import sandbox_image
from domicile.worker_hosts.quadlet import AUTH_FILE
from domicile_host.image_signature import SignatureError, verify
from domicile_host.settings import SandboxImage
from domicile_images import Key, RegistryError, Repository, key_in, push, verify_statement

CHECKOUT = Path(__file__).parents[2]
NAME = "domicile-tokyo/secrets"


@pytest.fixture(scope="session")
def registry_program():
    """Debian's registry, unpacked into the checkout's cache and not installed: it would be started at once."""
    program = CHECKOUT / ".cache" / "tools" / "usr" / "bin" / "docker-registry"
    if not program.exists():
        folder = program.parents[2]
        folder.mkdir(parents=True, exist_ok=True)
        fetch = ["apt-get", "download", "--quiet", "--quiet", "docker-registry"]
        if subprocess.run(fetch, cwd=folder, capture_output=True, check=False).returncode:
            subprocess.run(["apt-get", "update", "--quiet", "--quiet"], check=True)
            subprocess.run(fetch, cwd=folder, check=True)
        package = next(folder.glob("docker-registry_*.deb"))
        subprocess.run(["dpkg-deb", "--extract", package, folder], check=True)
    return program


@pytest.fixture
def registry(registry_program, tmp_path):
    """A registry on loopback; its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    config = tmp_path / "registry.json"  # JSON is YAML
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    config.write_text(json.dumps({"version": 0.1, "log": {"level": "error"}, "storage": storage, "http": {"addr": address}}))
    command = ["setpriv", "--pdeathsig=KILL", registry_program, "serve", config]
    with (tmp_path / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        end = time.monotonic() + 20
        while True:
            try:
                httpx.get(f"http://{address}/v2/").raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < end
                time.sleep(0.02)
        yield f"http://{address}"
        process.kill()


@pytest.fixture(scope="module")
def built(image):
    return image("egress")


@pytest.fixture
def repository(registry):
    with Repository(registry, NAME) as opened:
        yield opened


def beside(repository, digest, end):
    return json.loads(repository.manifest(f"{digest.replace(':', '-')}.{end}"))


def test_a_pushed_image_has_its_digest_and_what_refers_to_it(repository, built):
    assert push(built, repository) == built.digest
    assert push(built, repository) == built.digest  # again, where all is there
    public = built.public_key.read_bytes()
    signature, statements = (beside(repository, built.digest, end) for end in ("sig", "att"))
    assert {found["subject"]["digest"] for found in (signature, statements)} == {built.digest}
    kinds = {verify_statement(repository.blob(layer["digest"]), built.digest, public) and layer["annotations"]["predicateType"]
             for layer in statements["layers"]}  # fmt: skip
    assert kinds == {"https://cyclonedx.org/bom", "https://slsa.dev/provenance/v1"}
    listed = json.loads(repository.manifest(built.digest.replace(":", "-")))["manifests"]
    assert {found["artifactType"] for found in listed} == {signature["artifactType"], statements["artifactType"]}


def test_podman_and_skopeo_find_the_image_by_its_digest(repository, registry, built):
    push(built, repository)
    source = f"docker://{registry.removeprefix('http://')}/{NAME}@{built.digest}"
    shown = subprocess.run(["skopeo", "inspect", "--tls-verify=false", source], capture_output=True, check=True)
    assert json.loads(shown.stdout)["Digest"] == built.digest


def test_a_signature_of_another_key_in_its_place_is_noticed(repository, built, tmp_path):
    other: Key = key_in(tmp_path / "keys")
    signature = tmp_path / "signature.json"
    signature.write_bytes(other.sign_image(built.digest, built.reference).to_json())
    with pytest.raises(SignatureError):
        push(built.model_copy(update={"signature": signature}), repository)
    push(built, repository)
    theirs = built.model_copy(update={"signature": signature, "public_key": other.public_key})
    with pytest.raises(SignatureError):
        push(theirs, repository)


def test_another_image_under_its_tag_is_noticed(repository, built, image):
    push(built, repository)
    wrong = image("secrets")
    tagged = json.loads(repository.manifest(built.tagged.rpartition(":")[2]))
    repository.put_manifest(wrong.tagged.rpartition(":")[2], json.dumps(tagged).encode())
    with pytest.raises(RegistryError, match="another image"):
        push(wrong, repository)


def test_a_machine_reads_the_signature_for_its_dispatcher_from_the_registry(registry, built, tmp_path):
    """The machine's own program, with real curl and jq; podman notes what it is asked for."""
    names = Names("tokyo", "123456789012", "ap-northeast-1", "", ())
    with Repository(registry, names.repository("sandbox")) as sandboxes:
        push(built, sandboxes)
    file, address = tmp_path / "sandbox.signature.json", registry.removeprefix("http://")
    (tmp_path / "podman").write_text(f'#!/bin/bash\necho "$@" >>{tmp_path}/asked\n[ "$2" != exists ]\n')
    (tmp_path / "podman").chmod(0o755)
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {address: {"auth": "QVdTOmNhbmFyeQ=="}}}))
    (tmp_path / "domicile.sh").write_text(library(names).replace(names.registry, address))
    image = SandboxImage(reference=built.reference, digest=built.digest, signature=file, public_key=built.public_key)
    script = sandbox_image(names, image).replace("https://", "http://")
    for path, here in ((LIBRARY, "domicile.sh"), (AUTH_FILE, "auth.json")):
        script = script.replace(path, str(tmp_path / here))
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["bash"], input=script, text=True, env=environment, check=True, timeout=60)
    verify(file.read_bytes(), built.digest, built.public_key.read_bytes(), built.reference)
    pinned = f"{address}/{names.repository('sandbox')}@{built.digest}"
    tagged = f"localhost/domicile/sandbox:{built.digest[7:23]}"
    assert (tmp_path / "asked").read_text().splitlines() == [f"image exists {pinned}", f"pull --quiet {pinned}", f"tag {pinned} {tagged}"]
