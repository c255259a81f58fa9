"""Pushes a built image to a registry by digest, its signature, bill of materials and provenance beside it, and looks that they arrived.

Called by the resource that pushes (`domicile.sandbox_image.pushed`) and by `domicile images push`. skopeo copies an image of a layout but
not what refers to it, so this speaks the distribution API itself (https://github.com/opencontainers/distribution-spec/blob/v1.1.0/spec.md).
Signature and statements go under the tags that cosign and podman look for, and name the image as their `subject`, so that registries list
them as its referrers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urljoin

import httpx

from domicile_images.builder import BuiltImage, tag_of
from domicile_images.cache import canonical
from domicile_images.layout import MANIFEST
from domicile_images.verification import REFERRERS, beside, referrers_in, verify_beside, verify_built

INDEX = "application/vnd.oci.image.index.v1+json"
ARTIFACTS = {"sig": "application/vnd.dev.cosign.artifact.sig.v1+json", "att": "application/vnd.in-toto+json"}
"""What a referrer is, by the end of its tag."""

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
        answer = self._call("HEAD", f"{self._base}/{what}/{reference}", headers={"accept": f"{MANIFEST}, {INDEX}"}, allowed=(200, 404))
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

    def put_manifest(self, reference: str, content: bytes, kind: str = MANIFEST) -> None:
        """Puts a manifest under a tag. Raises `RegistryError`."""
        answer = self._call("PUT", f"{self._base}/manifests/{reference}", headers={"content-type": kind}, content=content, allowed=(201,))
        said = answer.headers.get("docker-content-digest", _digest(content))
        if said != _digest(content):
            raise RegistryError(f"{self.name}: the registry stored {said} under {reference}, not {_digest(content)}")

    def lists_referrers(self, digest: str) -> bool:
        """Whether the registry itself lists what names an image as its subject (distribution-spec 1.1.0, "Listing Referrers")."""
        answer = self._call("GET", f"{self._base}/referrers/{digest}", headers={"accept": INDEX}, allowed=(200, 400, 403, 404, 405))
        return answer.status_code == 200

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


def push(image: BuiltImage, repository: Repository, public_key: bytes, progress: Callable[[str], None] = lambda _: None) -> str:
    """Pushes what isn't there yet, and checks what is; the image's digest. Its signature comes last: without it no machine takes the image.

    Nothing is sent of a layout that isn't whole and signed with the key (PEM), nor where all is there. Raises the errors of
    `domicile_images.verification`, for what lies in the layout and then for what lies in the registry, and `RegistryError`.
    """
    if holds(repository, image.digest, image.reference, public_key):
        return image.digest
    verify_built(image, public_key)
    blobs = image.layout / "blobs" / "sha256"
    manifest = _content(blobs, image.digest)
    progress(f"pushing {image.name}, {image.size_bytes / 1e6:.0f} MB")
    _put(repository, tag_of(image.digest), manifest, blobs)
    subject = {"mediaType": MANIFEST, "digest": image.digest, "size": len(manifest)}
    for end, digest in referrers_in(image).items():
        _put(repository, beside(image.digest, end), _referring(_content(blobs, digest), subject, end), blobs)
    referrers = [repository.manifest(beside(image.digest, end)) for end in REFERRERS]
    if not _listed(repository, image.digest, referrers):
        _list(repository, image.digest, referrers)
    if not holds(repository, image.digest, image.reference, public_key):
        raise RegistryError(f"{repository.name}: the registry took {image.digest} and hasn't all of it: push it again")
    return image.digest


def holds(repository: Repository, digest: str, reference: str, public_key: bytes) -> bool:
    """Whether the registry has the whole image, with signature, SBOM and provenance beside it, and lists them for an auditor.

    False for what is missing. What is there and isn't right raises: `RegistryError` for another image under its tag, `SignatureError` and
    `StatementError` for what isn't signed with the key (PEM).
    """
    tag, tags = tag_of(digest), {end: beside(digest, end) for end in REFERRERS}
    if not repository.has("manifests", tag):
        return False
    manifest = repository.manifest(tag)
    if _digest(manifest) != digest:
        raise RegistryError(f"{repository.name}:{tag} is another image than {digest}: its tag was taken by something else")
    parts = json.loads(manifest)
    if not all(repository.has("blobs", part["digest"]) for part in (parts["config"], *parts["layers"])):
        return False
    if not all(repository.has("manifests", each) for each in tags.values()):
        return False
    manifests = {end: repository.manifest(name) for end, name in tags.items()}
    verify_beside(digest, reference, public_key, manifests, repository.blob)
    if any(json.loads(each).get("subject", {}).get("digest") != digest for each in manifests.values()):
        raise RegistryError(f"{repository.name}: what lies beside {digest} doesn't name it as its subject: something else pushed it")
    return _listed(repository, digest, list(manifests.values()))


def _put(repository: Repository, tag: str, manifest: bytes, blobs: Path) -> None:
    """What stands under the tag stays: tags don't move. Blobs go before it, so that whoever finds it finds all of it."""
    parts = json.loads(manifest)
    for part in (parts["config"], *parts["layers"]):
        repository.put_blob(part["digest"], blobs / part["digest"].removeprefix("sha256:"))
    if not repository.has("manifests", tag):
        repository.put_manifest(tag, manifest)


def _referring(manifest: bytes, subject: dict[str, Any], end: str) -> bytes:
    return canonical({**json.loads(manifest), "artifactType": ARTIFACTS[end], "subject": subject})


def _listed(repository: Repository, digest: str, referrers: list[bytes]) -> bool:
    """By the registry itself, or in the tag that takes the list's place (distribution-spec 1.1.0, "Referrers tag schema")."""
    if repository.lists_referrers(digest):
        return True
    tag = digest.replace(":", "-")
    if not repository.has("manifests", tag):
        return False
    return {_digest(each) for each in referrers} <= {each["digest"] for each in json.loads(repository.manifest(tag))["manifests"]}


def _list(repository: Repository, digest: str, referrers: list[bytes]) -> None:
    """For a registry without a list of referrers."""
    listed = [
        {"mediaType": MANIFEST, "digest": _digest(each), "size": len(each), "artifactType": json.loads(each)["artifactType"]}
        for each in referrers
    ]
    index = canonical({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed})
    repository.put_manifest(digest.replace(":", "-"), index, INDEX)


def _content(blobs: Path, digest: str) -> bytes:
    return (blobs / digest.removeprefix("sha256:")).read_bytes()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
