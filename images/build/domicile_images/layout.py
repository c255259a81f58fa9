"""An image as an OCI image layout on disk: manifest, configuration, layers, and what cosign stores beside an image.

Layers are plain tars: compressed bytes would depend on the builder's zlib, and the digest with them.
(https://github.com/opencontainers/image-spec/blob/main/image-layout.md)
"""

from __future__ import annotations

import base64
import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from domicile_host.image_signature import ImageSignature
from domicile_images.cache import Cache, canonical
from domicile_images.recipe import Recipe
from domicile_images.tree import EPOCH_SECONDS

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
CREATED = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(EPOCH_SECONDS))


class Layer(BaseModel):
    """A written layer: a blob in the cache."""

    model_config = ConfigDict(frozen=True)

    kind: str
    sha256: str
    size: int


class Layout:
    """A layout being written to `folder`, which must not exist."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._blobs = folder / "blobs" / "sha256"
        self._manifests: list[dict[str, Any]] = []
        self._blobs.mkdir(parents=True)

    def image(self, recipe: Recipe, layers: Sequence[Layer], cache: Cache) -> str:
        """Adds the image. Returns its manifest's digest."""
        for layer in layers:
            os.link(cache.blob(layer.sha256), self._blobs / layer.sha256)
        described = [{"mediaType": LAYER, "digest": f"sha256:{layer.sha256}", "size": layer.size} for layer in layers]
        return self._manifest(_configuration(recipe, layers), described, f"{recipe.reference}:latest", "image")

    def signature(self, digest: str, signature: ImageSignature) -> None:
        """Adds the image's signature, in the image that cosign looks for under the tag `sha256-<digest>.sig`."""
        note = {"dev.cosignproject.cosign/signature": base64.b64encode(signature.signature).decode()}
        self._beside(digest, "sigs", [self._blob(SIMPLE_SIGNING, signature.payload) | {"annotations": note}])

    def statements(self, digest: str, envelopes: dict[str, bytes]) -> None:
        """Adds signed statements by predicate type, in the image that cosign looks for under `sha256-<digest>.att`."""
        layers = [
            self._blob(DSSE, envelope) | {"annotations": {"dev.cosignproject.cosign/signature": "", "predicateType": kind}}
            for kind, envelope in sorted(envelopes.items())
        ]
        self._beside(digest, "atts", layers)

    def close(self) -> None:
        """Writes the index, which makes it a layout."""
        (self._folder / "oci-layout").write_bytes(canonical({"imageLayoutVersion": "1.0.0"}))
        (self._folder / "index.json").write_bytes(canonical({"schemaVersion": 2, "manifests": self._manifests}))

    def _beside(self, digest: str, kind: str, layers: list[dict[str, Any]]) -> None:
        diffs = [layer["digest"] for layer in layers]
        configuration = {"architecture": "", "os": "", "created": CREATED, "config": {}, "rootfs": {"type": "layers", "diff_ids": diffs}}
        self._manifest(configuration, layers, f"{digest.replace(':', '-')}.{kind.removesuffix('s')}", kind)

    def _manifest(self, configuration: dict[str, Any], layers: list[dict[str, Any]], tag: str, kind: str) -> str:
        config = self._blob(CONFIG, canonical(configuration))
        manifest = self._blob(MANIFEST, canonical({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}))
        # `kind` lets `cosign verify --local-image` read the layout as it is, without a registry
        notes = {"org.opencontainers.image.ref.name": tag, "kind": f"dev.cosignproject.cosign/{kind}"}
        self._manifests.append(manifest | {"annotations": notes})
        return str(manifest["digest"])

    def _blob(self, media_type: str, data: bytes) -> dict[str, Any]:
        sha256 = hashlib.sha256(data).hexdigest()
        (self._blobs / sha256).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{sha256}", "size": len(data)}


def _configuration(recipe: Recipe, layers: Sequence[Layer]) -> dict[str, Any]:
    environment = {"PATH": "/usr/local/bin:/usr/bin", "LANG": "C.UTF-8", **recipe.run.environment}
    config = {
        "User": recipe.run.user,
        "WorkingDir": recipe.run.workdir,
        "Entrypoint": list(recipe.run.entrypoint),
        "Cmd": list(recipe.run.command),
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": {"org.opencontainers.image.title": recipe.name, "org.opencontainers.image.description": recipe.description},
    }
    return {
        "created": CREATED,
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.sha256}" for layer in layers]},
        "history": [{"created": CREATED, "created_by": f"domicile_images: {layer.kind}"} for layer in layers],
    }
