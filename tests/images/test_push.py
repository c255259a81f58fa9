"""An image in a registry: the same digest, with all beside it that a machine and an auditor look for, and no other's in its place."""

import hashlib
import json
import os
import subprocess

import httpx
import pytest

from domicile.aws.names import Names
from domicile.aws.scripts import LIBRARY, library
from domicile.worker_hosts.aws.scripts import sandbox_image
from domicile.worker_hosts.quadlet import AUTH_FILE
from domicile_host.image_signature import SignatureError, verify
from domicile_host.settings import SandboxImage
from domicile_images import Key, LayoutError, RegistryError, Repository, StatementError, holds, key_in, push, verify_statement

REPOSITORY = "domicile-tokyo/secrets"
NAME = "org.opencontainers.image.ref.name"


@pytest.fixture(scope="module")
def built(image):
    return image("egress")


@pytest.fixture
def repository(registry):
    with Repository(registry, REPOSITORY) as opened:
        yield opened


def key_of(image):
    return image.public_key.read_bytes()


def beside(repository, digest, end):
    return json.loads(repository.manifest(f"{digest.replace(':', '-')}.{end}"))


def test_a_pushed_image_has_its_digest_and_what_refers_to_it(repository, built):
    assert push(built, repository, key_of(built)) == built.digest
    assert push(built, repository, key_of(built)) == built.digest  # again, where all is there
    public = built.public_key.read_bytes()
    signature, statements = (beside(repository, built.digest, end) for end in ("sig", "att"))
    assert {found["subject"]["digest"] for found in (signature, statements)} == {built.digest}
    kinds = {verify_statement(repository.blob(layer["digest"]), built.digest, public) and layer["annotations"]["predicateType"]
             for layer in statements["layers"]}  # fmt: skip
    assert kinds == {"https://cyclonedx.org/bom", "https://slsa.dev/provenance/v1"}
    listed = json.loads(repository.manifest(built.digest.replace(":", "-")))["manifests"]
    assert {found["artifactType"] for found in listed} == {signature["artifactType"], statements["artifactType"]}


def test_podman_and_skopeo_find_the_image_by_its_digest(repository, registry, built):
    push(built, repository, key_of(built))
    source = f"docker://{registry.removeprefix('http://')}/{REPOSITORY}@{built.digest}"
    shown = subprocess.run(["skopeo", "inspect", "--tls-verify=false", source], capture_output=True, check=True)
    assert json.loads(shown.stdout)["Digest"] == built.digest


def test_a_signature_of_another_key_in_its_place_is_noticed(repository, built, tmp_path):
    other: Key = key_in(tmp_path / "keys")
    with pytest.raises(SignatureError):
        push(built, repository, other.public_key.read_bytes())
    assert not holds(repository, built.digest, built.reference, key_of(built)), "nothing is sent of what isn't signed with the key"
    push(built, repository, key_of(built))
    with pytest.raises(SignatureError):
        push(built, repository, other.public_key.read_bytes())


def test_another_image_under_its_tag_is_noticed(repository, built, image):
    push(built, repository, key_of(built))
    wrong = image("secrets")
    tagged = json.loads(repository.manifest(built.tagged.rpartition(":")[2]))
    repository.put_manifest(wrong.tagged.rpartition(":")[2], json.dumps(tagged).encode())
    with pytest.raises(RegistryError, match="another image"):
        push(wrong, repository, key_of(wrong))


def test_a_machine_reads_the_signature_for_its_dispatcher_from_the_registry(registry, built, tmp_path):
    """The machine's own program, with real curl and jq; podman notes what it is asked for."""
    names = Names("tokyo", "123456789012", "ap-northeast-1", "", ())
    with Repository(registry, names.repository("sandbox")) as sandboxes:
        push(built, sandboxes, key_of(built))
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


BREAKS = {
    "a layer with another byte": lambda image: altered(image, image.layers[0].sha256),
    "a layer that is gone": lambda image: blob(image, image.layers[0].sha256).unlink(),
    "another manifest": lambda image: altered(image, image.digest.removeprefix("sha256:")),
    "a layout without an index": lambda image: (image.layout / "index.json").unlink(),
    "no signature": lambda image: without(image, ".sig"),
    "neither SBOM nor provenance": lambda image: without(image, ".att"),
    "no provenance": lambda image: unstated(image, "https://slsa.dev/provenance/v1"),
    "no SBOM": lambda image: unstated(image, "https://cyclonedx.org/bom"),
}


@pytest.mark.parametrize("how", BREAKS)
def test_nothing_is_sent_of_an_image_that_isnt_whole_signed_and_stated(repository, small, how):
    image = small()
    BREAKS[how](image)
    with pytest.raises((LayoutError, SignatureError, StatementError)):
        push(image, repository, key_of(image))
    assert not repository.has("manifests", image.digest)
    assert not any(repository.has("blobs", f"sha256:{layer.sha256}") for layer in image.layers)


def blob(image, sha256):
    return image.layout / "blobs" / "sha256" / sha256


def altered(image, sha256):
    content = blob(image, sha256).read_bytes()
    blob(image, sha256).unlink()  # the cache's own has the same bytes by a link
    blob(image, sha256).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def without(image, end):
    """Takes what has this tag out of the layout's index."""
    index = json.loads((image.layout / "index.json").read_text())
    index["manifests"] = [each for each in index["manifests"] if not each["annotations"][NAME].endswith(end)]
    (image.layout / "index.json").write_text(json.dumps(index))


def unstated(image, kind):
    """Takes one kind of statement out of those beside the image."""
    index = json.loads((image.layout / "index.json").read_text())
    entry = next(each for each in index["manifests"] if each["annotations"][NAME].endswith(".att"))
    manifest = json.loads(blob(image, entry["digest"][7:]).read_text())
    manifest["layers"] = [each for each in manifest["layers"] if each["annotations"]["predicateType"] != kind]
    content = json.dumps(manifest).encode()
    entry["digest"], entry["size"] = f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)
    blob(image, entry["digest"][7:]).write_bytes(content)
    (image.layout / "index.json").write_text(json.dumps(index))


def test_what_is_there_is_not_sent_again(repository, small):
    image = small()
    asked = []
    repository._http.event_hooks["request"].append(lambda request: asked.append(request.method))
    push(image, repository, key_of(image))
    assert {"POST", "PATCH", "PUT"} <= set(asked)
    asked.clear()
    push(image, repository, key_of(image))
    assert set(asked) == {"HEAD", "GET"}


@pytest.mark.parametrize("calls", range(1, 40, 3))
def test_a_push_that_was_cut_off_anywhere_is_taken_up_again(repository, small, calls):
    """Cut off after so many calls; a machine takes no image before all of it is there, and the next push sends only the rest."""
    image, left = small(), iter(range(calls))

    def cut(_request):
        if next(left, None) is None:
            raise httpx.ConnectError("the line is cut")

    repository._http.event_hooks["request"].append(cut)
    with pytest.raises(RegistryError, match="the line is cut"):
        push(image, repository, key_of(image))
    repository._http.event_hooks["request"].clear()
    if repository.has("manifests", f"{image.digest.replace(':', '-')}.sig"):
        assert repository.has("manifests", image.digest), "a signature never comes before its image"
    push(image, repository, key_of(image))
    assert holds(repository, image.digest, image.reference, key_of(image))
