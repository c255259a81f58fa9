"""Builds an image from its recipe and locks, and signs it.

Called by `python -m domicile_images`, by provisioning and by tests. When recipe, locks, own files, builder and key are the same
as in an earlier build, that build's layout is the answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from domicile_images import debian, golang, layers, layout, wheels
from domicile_images.cache import Cache, canonical, sha256_of
from domicile_images.inputs import Inputs, builder_version, read
from domicile_images.recipe import Recipe
from domicile_images.signing import PROVENANCE_KIND, SBOM_KIND, Key, statement

Progress = Callable[[str], None]


class BuiltImage(BaseModel):
    """A built and signed image. Paths lie in the cache."""

    model_config = ConfigDict(frozen=True)

    name: str
    reference: str
    digest: str
    size_bytes: int
    layers: tuple[layout.Layer, ...]
    layout: Path
    signature: Path
    public_key: Path
    sbom: Path
    sbom_statement: Path
    provenance: Path

    @property
    def pinned(self) -> str:
        """What a container is run from: the name with the digest."""
        return f"{self.reference}@{self.digest}"

    @property
    def record(self) -> Path:
        """This description as a file, which `BuiltImage.model_validate_json` reads."""
        return self.layout.parent / "image.json"

    @property
    def tagged(self) -> str:
        """Its tag in a container store: one a digest, so that loading another build never takes this one's name away."""
        return f"{self.reference}:{tag_of(self.digest)}"


def tag_of(digest: str) -> str:
    """The tag of the image with this digest, wherever it is stored."""
    return digest.removeprefix("sha256:")[:16]


def build(recipe: Recipe, cache: Cache, key: Key, progress: Progress = lambda _: None) -> BuiltImage:
    """Builds and signs the image, or finds it built. Raises the errors of `domicile_images.ERRORS`."""
    inputs = read(recipe)
    place = cache.place("images", f"{recipe.name}-{inputs.key(key.fingerprint)[:32]}")
    with cache.exclusive(f"image-{recipe.name}") as partial:
        if not place.exists():
            _make(inputs, cache, key, partial, place, progress)
        built = BuiltImage.model_validate_json((place / "image.json").read_bytes())
        return built.model_copy(update={"public_key": key.public_key, **_paths(place)})  # cache and key may have moved since


def find(cache: Cache, name: str, digest: str) -> list[BuiltImage]:
    """The builds in the cache of the image with this name and digest: one a signing key. Paths are the cache's, wherever it was built."""
    found = []
    for record in sorted((cache.root / "images").glob(f"{name}-*/image.json")):
        built = BuiltImage.model_validate_json(record.read_bytes())
        if (built.name, built.digest) == (name, digest):
            found.append(built.model_copy(update=_paths(record.parent)))
    return found


def _paths(place: Path) -> dict[str, Path]:
    """Where the parts of an image are that was made at `place`."""
    return {
        "layout": place / "oci",
        "signature": place / "signature.json",
        "sbom": place / "sbom.cdx.json",
        "sbom_statement": place / "sbom.dsse.json",
        "provenance": place / "provenance.dsse.json",
    }


def _make(inputs: Inputs, cache: Cache, key: Key, partial: Path, place: Path, progress: Progress) -> None:
    recipe = inputs.recipe
    program = golang.build(recipe.folder / recipe.go.module, inputs.go, cache, progress) if recipe.go else None
    debian.fetch(inputs.packages, cache, recipe.name, progress)
    wheels.fetch(inputs.wheels, cache, progress)
    written = layers.write_all(inputs, program, cache, progress)
    made = partial / "made"
    made.mkdir()
    oci = layout.Layout(made / "oci")
    digest = oci.image(recipe, written, cache)
    _sign(inputs, program, digest, key, made, oci)
    oci.close()
    built = _describe(recipe, digest, written, place, key)
    (made / "image.json").write_text(built.model_dump_json(indent=1))
    cache.finish(made, place)
    progress(f"{recipe.name}: {digest}, {built.size_bytes / 1e6:.0f} MB")


def _describe(recipe: Recipe, digest: str, written: list[layout.Layer], place: Path, key: Key) -> BuiltImage:
    return BuiltImage(
        name=recipe.name,
        reference=recipe.reference,
        digest=digest,
        size_bytes=sum(layer.size for layer in written),
        layers=tuple(written),
        public_key=key.public_key,
        **_paths(place),
    )


def _sign(inputs: Inputs, program: golang.Program | None, digest: str, key: Key, made: Path, oci: layout.Layout) -> None:
    from domicile_images import contents  # its libraries take longer to load than a build that finds all made

    recipe = inputs.recipe
    own = {path: sha256(data).hexdigest() for path, data in inputs.own.files()}
    everything = contents.Contents(
        recipe.name, inputs.packages, inputs.wheels, program, own, sha256_of(recipe.folder / "recipe.yaml"), builder_version()
    )
    bill = contents.sbom(everything, digest)
    signature = key.sign_image(digest, recipe.reference)
    envelopes = {
        kind: key.sign_statement(statement(kind, recipe.reference, digest, predicate))
        for kind, predicate in ((SBOM_KIND, bill), (PROVENANCE_KIND, contents.provenance(everything)))
    }
    oci.signature(digest, signature)
    oci.statements(digest, envelopes)
    (made / "signature.json").write_bytes(signature.to_json())
    (made / "sbom.cdx.json").write_bytes(canonical(bill))
    (made / "sbom.dsse.json").write_bytes(envelopes[SBOM_KIND])
    (made / "provenance.dsse.json").write_bytes(envelopes[PROVENANCE_KIND])
