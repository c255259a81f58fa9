"""Pushes a built image to a registry by digest, its signature, bill of materials and provenance beside it, and looks that they arrived.

Called by `domicile images push`. skopeo copies an image of a layout but not what refers to it, so this speaks the distribution API itself
(https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md). Signature and statements go under the tags that cosign and podman
look for, and name the image as their `subject`, so that registries list them as its referrers.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import httpx

from domicile_host.image_signature import ImageSignature, SignatureError, verify
from domicile_images.builder import BuiltImage
from domicile_images.cache import canonical
from domicile_images.layout import MANIFEST

INDEX = "application/vnd.oci.image.index.v1+json"
ARTIFACTS = {"sig": "application/vnd.dev.cosign.artifact.sig.v1+json", "att": "application/vnd.in-toto+json"}
"""What a referrer is, by the end of its tag."""

NOTE = "dev.cosignproject.cosign/signature"
CALL_SECONDS = 60.0
CHUNK_BYTES = 1 << 20


class RegistryError(Exception):
    """The registry didn't take the image, or has another under its name. The message says what it answered."""


@dataclass(frozen=True)
class Login:
    """HTTP Basic, as registries of AWS take it."""

    user: str
    password: str


class Repository:
    """One repository of a registry. `with` opens and closes the connections."""

    def __init__(self, registry: str, name: str, login: Login | None = None, transport: httpx.BaseTransport | None = None) -> None:
        """`registry` is a base URL, without a trailing slash."""
        auth = httpx.BasicAuth(login.user, login.password) if login else None
        self._base, self.name = f"{registry}/v2/{name}", name
        self._http = httpx.Client(auth=auth, timeout=CALL_SECONDS, transport=transport)

    def __enter__(self) -> Repository:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def has(self, what: str, reference: str) -> bool:
        """`what`: `blobs` or `manifests`. Raises `RegistryError`."""
        answer = self._call("HEAD", f"{self._base}/{what}/{reference}", headers={"accept": MANIFEST}, allowed=(200, 404))
        return answer.status_code == 200

    def manifest(self, reference: str) -> bytes:
        """Raises `RegistryError`."""
        return self._call("GET", f"{self._base}/manifests/{reference}", headers={"accept": f"{MANIFEST}, {INDEX}"}).content

    def blob(self, digest: str) -> bytes:
        """A small one, checked against its digest. Raises `RegistryError`."""
        content = self._call("GET", f"{self._base}/blobs/{digest}", follow_redirects=True).content
        if digest != _digest(content):
            raise RegistryError(f"{self.name}: the registry gives other bytes for {digest}")
        return content

    def put_blob(self, digest: str, content: Path) -> None:
        """Uploads a blob that isn't there yet. Raises `RegistryError`."""
        if self.has("blobs", digest):
            return
        place = self._place(self._call("POST", f"{self._base}/blobs/uploads/", allowed=(202,)))
        size = {"content-length": str(content.stat().st_size), "content-type": "application/octet-stream"}
        place = self._place(self._call("PATCH", place, headers=size, content=_chunks(content), allowed=(202, 204)))
        self._call("PUT", str(httpx.URL(place).copy_merge_params({"digest": digest})), allowed=(201, 204))

    def put_manifest(self, reference: str, content: bytes, kind: str = MANIFEST) -> bool:
        """Puts a manifest under a tag. Whether the registry took note of its subject. Raises `RegistryError`."""
        answer = self._call("PUT", f"{self._base}/manifests/{reference}", headers={"content-type": kind}, content=content, allowed=(201,))
        said = answer.headers.get("docker-content-digest", _digest(content))
        if said != _digest(content):
            raise RegistryError(f"{self.name}: the registry stored {said} under {reference}, not {_digest(content)}")
        return "oci-subject" in answer.headers

    def _place(self, answer: httpx.Response) -> str:
        return urljoin(str(answer.request.url), answer.headers["location"])

    def _call(self, method: str, url: str, allowed: tuple[int, ...] = (200,), **more: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, url, **more)
        except httpx.HTTPError as error:
            raise RegistryError(f"{self.name}: {method} {httpx.URL(url).path}: {type(error).__name__}: {error}") from error
        if answer.status_code not in allowed:
            said = "" if method == "HEAD" else answer.text[:300]
            raise RegistryError(f"{self.name}: {method} {httpx.URL(url).path}: {answer.status_code} {said}".rstrip())
        return answer


def push(image: BuiltImage, repository: Repository, progress: Callable[[str], None] = lambda _: None) -> str:
    """Pushes what isn't there yet, and checks what is; the image's digest. Its signature comes last: without it no machine takes the image.

    Raises `RegistryError`, and `SignatureError` when what lies beside the image in the registry isn't signed with its key.
    """
    verify(image.signature.read_bytes(), image.digest, image.public_key.read_bytes(), image.reference)
    blobs = image.layout / "blobs" / "sha256"
    tag = image.tagged.rpartition(":")[2]
    manifest = (blobs / image.digest.removeprefix("sha256:")).read_bytes()
    progress(f"pushing {image.name}, {image.size_bytes / 1e6:.0f} MB")
    _put(repository, tag, manifest, blobs)
    subject = {"mediaType": MANIFEST, "digest": image.digest, "size": len(manifest)}
    beside = [_put(repository, name, _referring(content, subject, name), blobs) for name, content in _beside(image, blobs)]
    unlisted = [descriptor for descriptor, listed in beside if not listed]
    if unlisted:
        _list(repository, image.digest, unlisted)
    _look(repository, image, tag)
    return image.digest


def _put(repository: Repository, tag: str, manifest: bytes, blobs: Path) -> tuple[dict[str, Any], bool]:
    """Its descriptor, and whether the registry lists it. What stands under the tag stays: tags don't move."""
    listed = True
    if not repository.has("manifests", tag):
        parts = json.loads(manifest)
        for part in (parts["config"], *parts["layers"]):
            repository.put_blob(part["digest"], blobs / part["digest"].removeprefix("sha256:"))
        listed = repository.put_manifest(tag, manifest) or "subject" not in parts
    content = repository.manifest(tag)
    said = {"artifactType": kind} if (kind := json.loads(content).get("artifactType")) else {}
    return {"mediaType": MANIFEST, "digest": _digest(content), "size": len(content), **said}, listed


def _beside(image: BuiltImage, blobs: Path) -> Iterator[tuple[str, bytes]]:
    """What the layout holds beside the image, by its tag: statements first."""
    index = json.loads((image.layout / "index.json").read_bytes())
    tags = {each["annotations"]["org.opencontainers.image.ref.name"]: each["digest"] for each in index["manifests"]}
    for end in ("att", "sig"):
        name = f"{image.digest.replace(':', '-')}.{end}"
        yield name, (blobs / tags[name].removeprefix("sha256:")).read_bytes()


def _referring(manifest: bytes, subject: dict[str, Any], tag: str) -> bytes:
    return canonical({**json.loads(manifest), "artifactType": ARTIFACTS[tag.rpartition(".")[2]], "subject": subject})


def _list(repository: Repository, digest: str, referrers: list[dict[str, Any]]) -> None:
    """For a registry without a list of referrers: the tag that takes its place (distribution-spec 1.1.0, "Referrers tag schema")."""
    repository.put_manifest(digest.replace(":", "-"), canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": referrers}), INDEX)


def _look(repository: Repository, image: BuiltImage, tag: str) -> None:
    """Reads back what a machine will read."""
    if _digest(repository.manifest(tag)) != image.digest:
        raise RegistryError(f"{repository.name}:{tag} is another image than {image.digest}: its tag was taken by something else")
    layer = json.loads(repository.manifest(f"{image.digest.replace(':', '-')}.sig"))["layers"][0]
    try:
        signature = base64.b64decode(layer["annotations"][NOTE], validate=True)
    except (KeyError, ValueError) as error:
        raise SignatureError(f"{repository.name}: what lies beside {image.digest} is no signature") from error
    signed = ImageSignature(repository.blob(layer["digest"]), signature)
    verify(signed.to_json(), image.digest, image.public_key.read_bytes(), image.reference)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
