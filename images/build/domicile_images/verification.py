"""Holds an image to its digest, and what lies beside it to the key that signed it: in a layout before it is pushed, in a registry after."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from domicile_host.image_signature import ImageSignature, SignatureError, verify
from domicile_images.builder import BuiltImage
from domicile_images.cache import sha256_of
from domicile_images.signing import PROVENANCE_KIND, SBOM_KIND, StatementError, verify_statement

NOTE = "dev.cosignproject.cosign/signature"
REFERRERS = ("att", "sig")
"""What lies beside an image, by the end of its tag: statements before the signature, without which no machine takes the image."""

Blob = Callable[[str], bytes]
"""Gives a small blob by its digest; raises what its place raises."""


class LayoutError(Exception):
    """A built image on disk isn't what it was built as. The message says what to do."""


def beside(digest: str, end: str) -> str:
    """The tag under which cosign and podman look for what lies beside an image."""
    return f"{digest.replace(':', '-')}.{end}"


def verify_built(image: BuiltImage, public_key: bytes) -> None:
    """Returns when every byte of a built image is as its digest says, and signature, SBOM and provenance beside it are signed with the key.

    Raises `LayoutError`, `SignatureError` and `StatementError`.
    """
    blobs = image.layout / "blobs" / "sha256"

    def blob(digest: str) -> bytes:
        return _whole(image, blobs, digest).read_bytes()

    manifest = _parsed(image, blob(image.digest))
    for part in (manifest["config"], *manifest["layers"]):
        _whole(image, blobs, part["digest"])
    manifests = {end: blob(digest) for end, digest in referrers_in(image).items()}
    verify_beside(image.digest, image.reference, public_key, manifests, blob)


def referrers_in(image: BuiltImage) -> dict[str, str]:
    """The digests of what lies beside a built image, statements first. Raises `LayoutError`, and `SignatureError` where one is missing."""
    try:
        index = _parsed(image, (image.layout / "index.json").read_bytes())
    except OSError as error:
        raise _damaged(image, f"its index.json can't be read ({error.strerror})") from error
    tags = {each["annotations"]["org.opencontainers.image.ref.name"]: str(each["digest"]) for each in index["manifests"]}
    for end, what in (("att", "SBOM and provenance"), ("sig", "signature")):
        if beside(image.digest, end) not in tags:
            raise SignatureError(f"{image.layout}: {image.pinned} has no {what} beside it: remove {image.layout.parent} and build it again")
    return {end: tags[beside(image.digest, end)] for end in REFERRERS}


def verify_beside(digest: str, reference: str, public_key: bytes, manifests: dict[str, bytes], blob: Blob) -> None:
    """Returns when the manifests beside an image hold its signature, its SBOM and its provenance, each signed with the key (PEM).

    Raises `SignatureError` and `StatementError`.
    """
    layer = _layers(manifests["sig"])[0]
    try:
        signature = base64.b64decode(layer["annotations"][NOTE], validate=True)
    except (KeyError, ValueError) as error:
        raise SignatureError(f"what lies beside {digest} is no signature") from error
    verify(ImageSignature(blob(layer["digest"]), signature).to_json(), digest, public_key, reference)
    stated = {each.get("annotations", {}).get("predicateType"): each["digest"] for each in _layers(manifests["att"])}
    for kind, what in ((SBOM_KIND, "SBOM"), (PROVENANCE_KIND, "provenance")):
        if kind not in stated:
            raise StatementError(f"beside {digest} there is no {what}")
        verify_statement(blob(stated[kind]), digest, public_key)


def _layers(manifest: bytes) -> list[dict[str, Any]]:
    try:
        return list(json.loads(manifest)["layers"]) or [{}]
    except (ValueError, KeyError, TypeError) as error:
        raise SignatureError(f"what lies beside the image is no manifest: {error!r}") from error


def _parsed(image: BuiltImage, content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except ValueError as error:
        raise _damaged(image, f"it holds what is no JSON ({error})") from error


def _whole(image: BuiltImage, blobs: Path, digest: str) -> Path:
    path = blobs / digest.removeprefix("sha256:")
    if not path.is_file():
        raise _damaged(image, f"{digest} is missing")
    if sha256_of(path) != path.name:
        raise _damaged(image, f"{digest} has other bytes")
    return path


def _damaged(image: BuiltImage, what: str) -> LayoutError:
    return LayoutError(f"{image.layout}: {image.name} isn't as it was built, {what}: remove {image.layout.parent} and build it again")
