"""An image's signature, in cosign's form: a "simple signing" payload that names the image's digest, signed with ECDSA P-256.

The image builder writes it (`domicile_images`); the dispatcher checks it before it lets a sandbox run. The file is JSON with
both parts in base64. Pushed beside the image as cosign stores it, the same two parts satisfy `cosign verify --key`
(https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md).
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass


class SignatureError(Exception):
    """The image may not be run. The message says why and what to do."""


@dataclass(frozen=True)
class ImageSignature:
    """The signed payload and the signature (DER) over its SHA-256."""

    payload: bytes
    signature: bytes

    def to_json(self) -> bytes:
        """The signature file."""
        parts = {"payload": base64.b64encode(self.payload).decode(), "signature": base64.b64encode(self.signature).decode()}
        return json.dumps(parts, indent=1).encode() + b"\n"

    @staticmethod
    def from_json(data: bytes) -> ImageSignature:
        """Reads a signature file. Raises `SignatureError`."""
        try:
            parts = json.loads(data)
            return ImageSignature(base64.b64decode(parts["payload"], validate=True), base64.b64decode(parts["signature"], validate=True))
        except (ValueError, KeyError, TypeError) as error:
            raise SignatureError(f"not an image signature: {error}; build and sign the image again") from error


def signed_name(image: str) -> str:
    """The name under which an image is signed, and known in a container store: the same in each, wherever it was pulled from."""
    return f"localhost/domicile/{image}"


def payload_for(digest: str, reference: str) -> bytes:
    """What is signed: this digest, under this name."""
    critical = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": critical, "optional": None}, sort_keys=True, separators=(",", ":")).encode()


def verify(signature: bytes, digest: str, public_key: bytes, reference: str | None = None) -> None:
    """Returns when the signature file's bytes sign `digest` (`sha256:…`), and `reference` if given, with `public_key` (PEM).

    Raises `SignatureError` for anything else.
    """
    # here: who only names images, as provisioning does, is spared it
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    signed = ImageSignature.from_json(signature)
    try:
        key = load_pem_public_key(public_key)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError(f"the public key can't be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SignatureError("the public key isn't an ECDSA P-256 key")
    try:
        key.verify(signed.signature, signed.payload, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise SignatureError("the signature was made with another key, or what it signs was changed; don't run this image") from error
    _check_payload(signed.payload, digest, reference)


def _check_payload(payload: bytes, digest: str, reference: str | None) -> None:
    try:
        critical = json.loads(payload)["critical"]
        kind = critical["type"]
        named, under = critical["image"]["docker-manifest-digest"], critical["identity"]["docker-reference"]
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureError(f"the signed payload isn't one for an image: {error!r}") from error
    if kind != "cosign container image signature" or named != digest:
        raise SignatureError(f"the signature is for {named}, not for {digest}; don't run this image")
    if reference is not None and under != reference:
        raise SignatureError(f"the signature is for an image named {under}, not {reference}; don't run this image as that")
