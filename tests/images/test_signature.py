"""An image runs only when its signature is good: for this digest, under this name, by this key."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from domicile_images import SignatureError, SigningKeyError, StatementError, StoreError, key_in, load, verify, verify_statement
from domicile_images.store import is_loaded


@pytest.fixture
def signed(small):
    return small()


def test_a_good_signature_is_accepted(signed):
    verify(signed.signature.read_bytes(), signed.digest, signed.public_key.read_bytes(), signed.reference)


def test_another_key_is_refused(signed, tmp_path):
    with pytest.raises(SignatureError, match="another key"):
        verify(signed.signature.read_bytes(), signed.digest, key_in(tmp_path / "other").public_key.read_bytes())


def test_another_digest_is_refused(signed):
    with pytest.raises(SignatureError, match=signed.digest):
        verify(signed.signature.read_bytes(), "sha256:" + "0" * 64, signed.public_key.read_bytes())


def test_another_name_is_refused(signed):
    with pytest.raises(SignatureError, match=signed.reference):
        verify(signed.signature.read_bytes(), signed.digest, signed.public_key.read_bytes(), "localhost/domicile/sandbox")


def test_a_changed_payload_is_refused(signed):
    parts = json.loads(signed.signature.read_bytes())
    payload = base64.b64decode(parts["payload"]).replace(signed.digest.encode(), b"sha256:" + b"0" * 64)
    parts["payload"] = base64.b64encode(payload).decode()
    with pytest.raises(SignatureError):
        verify(json.dumps(parts).encode(), "sha256:" + "0" * 64, signed.public_key.read_bytes())


@pytest.mark.parametrize(
    "broken", [b"", b"{}", b"[]", b"null", b'{"payload": 1, "signature": 2}', b'{"payload": "!", "signature": "!"}', b"\xff"]
)
def test_what_is_no_signature_is_refused(signed, broken):
    with pytest.raises(SignatureError):
        verify(broken, signed.digest, signed.public_key.read_bytes())


@pytest.mark.parametrize("broken", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_what_is_no_public_key_is_refused(signed, broken):
    with pytest.raises(SignatureError):
        verify(signed.signature.read_bytes(), signed.digest, broken)


def test_openssl_agrees_with_the_signature(signed, tmp_path):
    """`cosign verify --key` makes this check on the payload, then compares the digest in it."""
    parts = json.loads(signed.signature.read_bytes())
    (tmp_path / "payload").write_bytes(base64.b64decode(parts["payload"]))
    (tmp_path / "signature").write_bytes(base64.b64decode(parts["signature"]))
    command = ["openssl", "dgst", "-sha256", "-verify", signed.public_key, "-signature", tmp_path / "signature", tmp_path / "payload"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(shutil.which("cosign") is None, reason="cosign is in no package registry; openssl makes the same check above")
@pytest.mark.parametrize(
    "check", [["verify"], ["verify-attestation", "--type=cyclonedx"], ["verify-attestation", "--type=slsaprovenance1"]]
)
def test_cosign_accepts_the_layout_with_our_key_only(signed, tmp_path, check):
    def verdict(public_key) -> int:
        command = ["cosign", *check, f"--key={public_key}", "--insecure-ignore-tlog=true", "--local-image", str(signed.layout)]
        return subprocess.run(command, capture_output=True, check=False, env={**os.environ, "HOME": str(tmp_path)}).returncode

    assert verdict(signed.public_key) == 0
    assert verdict(key_in(tmp_path / "other").public_key) != 0


def test_the_layout_holds_the_signature_where_cosign_looks(signed):
    index = json.loads((signed.layout / "index.json").read_bytes())
    tags = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in index["manifests"]}
    blobs = signed.layout / "blobs" / "sha256"
    manifest = json.loads((blobs / tags[f"{signed.digest.replace(':', '-')}.sig"].removeprefix("sha256:")).read_bytes())
    (layer,) = manifest["layers"]
    parts = json.loads(signed.signature.read_bytes())
    assert layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"
    assert layer["annotations"]["dev.cosignproject.cosign/signature"] == parts["signature"]
    assert (blobs / layer["digest"].removeprefix("sha256:")).read_bytes() == base64.b64decode(parts["payload"])


def test_sbom_and_provenance_are_signed_for_this_image(signed, tmp_path):
    for envelope in (signed.sbom_statement, signed.provenance):
        assert verify_statement(envelope.read_bytes(), signed.digest, signed.public_key.read_bytes())
        with pytest.raises(StatementError):
            verify_statement(envelope.read_bytes(), "sha256:" + "0" * 64, signed.public_key.read_bytes())
        with pytest.raises(StatementError):
            verify_statement(envelope.read_bytes(), signed.digest, key_in(tmp_path / "other").public_key.read_bytes())


def test_a_changed_statement_is_refused(signed):
    envelope = json.loads(signed.provenance.read_bytes())
    envelope["payload"] = base64.b64encode(base64.b64decode(envelope["payload"]).replace(b"sha256", b"sha512")).decode()
    with pytest.raises(StatementError):
        verify_statement(json.dumps(envelope).encode(), signed.digest, signed.public_key.read_bytes())


def test_the_key_is_readable_by_its_owner_only_and_stays(tmp_path):
    first = key_in(tmp_path / "keys")
    assert (tmp_path / "keys" / "images.key").stat().st_mode & 0o777 == 0o600
    assert key_in(tmp_path / "keys").fingerprint == first.fingerprint


def test_two_makers_at_once_get_one_key(tmp_path):
    with ThreadPoolExecutor(8) as makers:
        keys = list(makers.map(lambda _: key_in(tmp_path / "keys").fingerprint, range(8)))
    assert len(set(keys)) == 1
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["images.key", "images.pub"]


def test_a_key_that_others_can_read_is_refused(tmp_path):
    key_in(tmp_path)
    os.chmod(tmp_path / "images.key", 0o644)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        key_in(tmp_path)


@pytest.mark.perimeter
def test_an_image_with_a_foreign_signature_is_not_loaded(small, tmp_path):
    image = small(text="foreign")
    with pytest.raises(SignatureError):
        load(image.model_copy(update={"public_key": key_in(tmp_path / "other").public_key}))
    assert not is_loaded(image)


@pytest.mark.perimeter
def test_a_layout_that_was_changed_is_not_loaded(small):
    image = small(text="genuine")
    layer = image.layout / "blobs" / "sha256" / image.layers[-1].sha256
    changed = layer.read_bytes().replace(b"genuine", b"changed")
    layer.unlink()
    layer.write_bytes(changed)
    with pytest.raises(StoreError):
        load(image)
    assert not is_loaded(image)
