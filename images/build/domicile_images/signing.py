"""The key that signs images, and what it signs: image digests (cosign's form) and statements about images (in-toto in DSSE).

The key is an ECDSA P-256 key in a folder of the caller's choice, outside of any repository; it is made on first use.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from domicile_host.image_signature import ImageSignature, payload_for
from domicile_images.cache import canonical, write

STATEMENT = "application/vnd.in-toto+json"
SBOM_KIND = "https://cyclonedx.org/bom"
PROVENANCE_KIND = "https://slsa.dev/provenance/v1"


class SigningKeyError(Exception):
    """The signing key can't be used. The message says why."""


class StatementError(Exception):
    """A signed statement isn't what it should be."""


@dataclass(frozen=True)
class Key:
    """The signing key; `public_key` is its public half's file."""

    private: ec.EllipticCurvePrivateKey
    public_key: Path

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public half (DER)."""
        return hashlib.sha256(self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def sign(self, data: bytes) -> bytes:
        """ECDSA over SHA-256, DER."""
        return self.private.sign(data, ec.ECDSA(hashes.SHA256()))

    def sign_image(self, digest: str, reference: str) -> ImageSignature:
        """Signs an image's digest under its name."""
        payload = payload_for(digest, reference)
        return ImageSignature(payload, self.sign(payload))

    def sign_statement(self, statement: dict[str, Any]) -> bytes:
        """The DSSE envelope of an in-toto statement."""
        payload = canonical(statement)
        signature = base64.b64encode(self.sign(_framed(payload))).decode()
        envelope = {
            "payloadType": STATEMENT,
            "payload": base64.b64encode(payload).decode(),
            "signatures": [{"keyid": "", "sig": signature}],
        }
        return canonical(envelope)


def key_in(folder: Path) -> Key:
    """The key `images.key` of this folder, made with mode 0600 when there is none. Raises `SigningKeyError`."""
    path = folder / "images.key"
    if not path.exists():
        _make(path)
    if path.stat().st_mode & 0o077:
        raise SigningKeyError(f"{path}: others may read or write the signing key; `chmod 600` it, or remove it if it may have been read")
    private = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise SigningKeyError(f"{path}: not an ECDSA P-256 key; move it away, and a new one is made")
    public, pem = folder / "images.pub", private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if not public.exists() or public.read_bytes() != pem:
        write(public, pem)
    return Key(private, public)


def statement(kind: str, name: str, digest: str, predicate: dict[str, Any]) -> dict[str, Any]:
    """An in-toto statement of this predicate type about an image."""
    subject = [{"name": name, "digest": {"sha256": digest.removeprefix("sha256:")}}]
    return {"_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": kind, "predicate": predicate}


def verify_statement(envelope: bytes, digest: str, public_key: bytes) -> dict[str, Any]:
    """The predicate of a signed statement about `digest`. Raises `StatementError`."""
    key = load_pem_public_key(public_key)
    try:
        parts = json.loads(envelope)
        payload, signature = base64.b64decode(parts["payload"]), base64.b64decode(parts["signatures"][0]["sig"])
        if not isinstance(key, ec.EllipticCurvePublicKey) or parts["payloadType"] != STATEMENT:
            raise StatementError("not an in-toto statement for an ECDSA key")
        key.verify(signature, _framed(payload), ec.ECDSA(hashes.SHA256()))
        said: dict[str, Any] = json.loads(payload)
    except InvalidSignature as error:
        raise StatementError("the statement was signed with another key or changed") from error
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise StatementError(f"not a signed statement: {error!r}") from error
    if said["subject"][0]["digest"] != {"sha256": digest.removeprefix("sha256:")}:
        raise StatementError(f"the statement is about another image than {digest}")
    predicate: dict[str, Any] = said["predicate"]
    return predicate


def _framed(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding (https://github.com/secure-systems-lab/dsse/blob/master/protocol.md)."""
    return b"DSSEv1 %d %s %d %s" % (len(STATEMENT), STATEMENT.encode(), len(payload), payload)


def _make(path: Path) -> None:
    """Makes the key whole or not at all; of two makers at once the first wins."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".images.key.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        os.link(partial, path)
    except FileExistsError:
        return
    finally:
        Path(partial).unlink()
