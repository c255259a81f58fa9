"""Builds an image from its recipe and locks: three layers (Debian, wheels, own files), each made once for its inputs.

Called by `python -m domicile_images`, by provisioning and by tests. When recipe, locks, own files, builder and key are the same
as in an earlier build, that build's layout is the answer at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache as once
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from domicile_images import debian, golang, layout, wheels
from domicile_images.bytecode import compiled
from domicile_images.cache import Cache, canonical, key_of, sha256_of
from domicile_images.recipe import Recipe, RecipeError, Wheel
from domicile_images.signing import Key, statement
from domicile_images.tree import Tree, read_layer

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
        return f"{self.reference}:{self.digest.removeprefix('sha256:')[:16]}"


@dataclass(frozen=True)
class _Inputs:
    """All that a build depends on, read once, so that a file edited meanwhile can't make half of an image."""

    recipe: Recipe
    packages: tuple[debian.Package, ...]
    wheels: tuple[wheels.Wheel, ...]
    take: dict[str, dict[str, str]]
    own: Tree

    @property
    def debian_key(self) -> str:
        paths = sorted(path for path in self.recipe.without if "/" in path)
        return key_of({"builder": _builder(), "packages": [package.sha256 for package in self.packages], "without": paths})

    @property
    def wheels_key(self) -> str:
        return key_of({"debian": self.debian_key, "wheels": [wheel.sha256 for wheel in self.wheels], "take": self.take})

    def own_key(self, program: golang.Program | None) -> str:
        files = {path: [entry.mode, sha256(data).hexdigest()] for path, data in self.own.files() for entry in [self.own.entries[path]]}
        prepared = self.recipe.model_dump(mode="json", include={"folders", "links", "users", "go"})
        return key_of({"debian": self.debian_key, "own": files, "prepared": prepared, "program": program and program.sha256})

    def key(self, signing_key: Key) -> str:
        go = golang.sources(self.recipe.folder / self.recipe.go.module) if self.recipe.go else None
        recipe = self.recipe.model_dump(mode="json")
        return key_of({"recipe": recipe, "wheels": self.wheels_key, "own": self.own_key(None), "go": go, "key": signing_key.fingerprint})


def build(recipe: Recipe, cache: Cache, key: Key, progress: Progress = lambda _: None) -> BuiltImage:
    """Builds and signs the image, or finds it built. Raises the errors of `domicile_images.ERRORS`."""
    inputs = _read(recipe)
    place = cache.place("images", f"{recipe.name}-{inputs.key(key)[:32]}")
    with cache.exclusive(f"image-{recipe.name}") as partial:
        if not place.exists():
            _make(inputs, cache, key, partial, place, progress)
        return BuiltImage.model_validate_json((place / "image.json").read_bytes())


def _make(inputs: _Inputs, cache: Cache, key: Key, partial: Path, place: Path, progress: Progress) -> None:
    recipe = inputs.recipe
    program = golang.build(recipe.folder / recipe.go.module, cache, progress) if recipe.go else None
    debian.fetch(inputs.packages, cache, recipe.name, progress)
    wheels.fetch(inputs.wheels, cache, progress)
    layers = [_debian_layer(inputs, cache, progress)]
    if inputs.wheels:
        layers.append(_wheels_layer(inputs, cache, layers[0], progress))
    layers.append(_own_layer(inputs, cache, layers[0], program, progress))
    made = partial / "made"
    made.mkdir()
    written = layout.Layout(made / "oci")
    digest = written.image(recipe, layers, cache)
    _sign(inputs, program, digest, key, made, written)
    written.close()
    built = BuiltImage(
        name=recipe.name,
        reference=recipe.reference,
        digest=digest,
        size_bytes=sum(layer.size for layer in layers),
        layers=tuple(layers),
        layout=place / "oci",
        signature=place / "signature.json",
        public_key=key.public_key,
        sbom=place / "sbom.cdx.json",
        sbom_statement=place / "sbom.dsse.json",
        provenance=place / "provenance.dsse.json",
    )
    (made / "image.json").write_text(built.model_dump_json(indent=1))
    cache.finish(made, place)
    progress(f"{recipe.name}: {digest}, {built.size_bytes / 1e6:.0f} MB")


def _sign(inputs: _Inputs, program: golang.Program | None, digest: str, key: Key, made: Path, written: layout.Layout) -> None:
    from domicile_images import contents  # its libraries take longer to load than a build that finds all made

    recipe = inputs.recipe
    own = {path: sha256(data).hexdigest() for path, data in inputs.own.files()}
    all_of_it = contents.Contents(
        recipe.name, inputs.packages, inputs.wheels, program, own, sha256_of(recipe.folder / "recipe.yaml"), _builder()
    )
    bill = contents.sbom(all_of_it, digest)
    signature = key.sign_image(digest, recipe.reference)
    envelopes = {
        kind: key.sign_statement(statement(kind, recipe.reference, digest, predicate))
        for kind, predicate in ((contents.SBOM_KIND, bill), (contents.PROVENANCE_KIND, contents.provenance(all_of_it)))
    }
    written.signature(digest, signature)
    written.statements(digest, envelopes)
    (made / "signature.json").write_bytes(signature.to_json())
    (made / "sbom.cdx.json").write_bytes(canonical(bill))
    (made / "sbom.dsse.json").write_bytes(envelopes[contents.SBOM_KIND])
    (made / "provenance.dsse.json").write_bytes(envelopes[contents.PROVENANCE_KIND])


def _debian_layer(inputs: _Inputs, cache: Cache, progress: Progress) -> layout.Layer:
    def tree(folder: Path) -> Tree:
        left_out = [path for path in inputs.recipe.without if "/" in path]
        files = debian.unpack(inputs.packages, cache, left_out)
        files.merge_roots()
        files.merge(compiled(files, files, folder))
        return files

    return _layer("debian", inputs.debian_key, cache, tree, progress)


def _wheels_layer(inputs: _Inputs, cache: Cache, base: layout.Layer, progress: Progress) -> layout.Layer:
    def tree(folder: Path) -> Tree:
        files = Tree()
        for wheel in inputs.wheels:
            files.merge(wheels.unpack(wheel, cache, inputs.take.get(wheel.name, {})))
        files.merge(compiled(files, read_layer(cache.blob(base.sha256)), folder))
        return files

    return _layer("wheels", inputs.wheels_key, cache, tree, progress)


def _own_layer(inputs: _Inputs, cache: Cache, base: layout.Layer, program: golang.Program | None, progress: Progress) -> layout.Layer:
    recipe = inputs.recipe

    def tree(folder: Path) -> Tree:
        files = Tree(dict(inputs.own.entries))
        files.merge(compiled(files, read_layer(cache.blob(base.sha256)), folder) if _has_modules(files) else Tree())
        if recipe.go and program:
            files.file(recipe.go.program, cache.verified(program.sha256).read_bytes(), executable=True)
        for path, target in recipe.links.items():
            files.link(path, target)
        for prepared in recipe.folders:
            files.folder(prepared.path, mode=int(prepared.mode, 8), uid=prepared.uid, gid=prepared.gid)
        _accounts(files, recipe)
        return files

    return _layer("own", inputs.own_key(program), cache, tree, progress)


def _layer(kind: str, key: str, cache: Cache, make: Callable[[Path], Tree], progress: Progress) -> layout.Layer:
    """The layer of this key, made when it isn't there."""
    place = cache.place("layers", key)
    with cache.exclusive(f"layer-{key[:32]}") as partial:
        if not place.exists():
            progress(f"writing the {kind} layer")
            file = partial / "layer.tar"
            with file.open("wb") as out:
                digest, size = make(partial).write(out)
            cache.adopt(file, digest)
            description = partial / "layer.json"
            description.write_text(layout.Layer(kind=kind, sha256=digest, size=size).model_dump_json())
            cache.finish(description, place)
    return layout.Layer.model_validate_json(place.read_bytes())


def _read(recipe: Recipe) -> _Inputs:
    taken = [wheel for wheel in recipe.wheels if isinstance(wheel, Wheel)]
    take = {wheel.requirement.partition("==")[0]: dict(wheel.take) for wheel in taken}
    locked = wheels.read_lock(recipe.wheels_lock)
    if not recipe.debian_lock.exists() or (recipe.wheels and not locked):
        raise RecipeError(f"{recipe.folder}: has no lock yet; run `python -m domicile_images lock {recipe.name}` and review what it writes")
    return _Inputs(recipe, debian.read_lock(recipe.debian_lock), locked, take, _own_files(recipe))


def _own_files(recipe: Recipe) -> Tree:
    tree = Tree()
    for own in recipe.own:
        source = (recipe.folder / own.source).resolve()
        if not source.exists():
            raise RecipeError(f"{recipe.folder / 'recipe.yaml'}: own file {own.source} doesn't exist")
        files = [source] if source.is_file() else sorted(path for path in source.rglob("*") if path.is_file() and _ships(path))
        for file in files:
            place = own.to if source.is_file() else f"{own.to}/{file.relative_to(source)}"
            tree.file(place, file.read_bytes(), executable=bool(file.stat().st_mode & 0o100))
    return tree


def _ships(path: Path) -> bool:
    return "__pycache__" not in path.parts and not path.name.startswith(".")


def _has_modules(tree: Tree) -> bool:
    return any(path.endswith(".py") for path in tree.entries)


def _accounts(files: Tree, recipe: Recipe) -> None:
    users = "".join(f"{user.name}:x:{user.uid}:{user.uid}:{user.name}:{user.home}:{user.shell}\n" for user in recipe.users)
    groups = "".join(f"{user.name}:x:{user.uid}:\n" for user in recipe.users)
    files.file(
        "etc/passwd", f"root:x:0:0:root:/root:/sbin/nologin\n{users}nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n".encode()
    )
    files.file("etc/group", f"root:x:0:\n{groups}nogroup:x:65534:\n".encode())
    files.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")


@once
def _builder() -> str:
    """The builder's own version: the hash of its sources."""
    files: dict[str, Any] = {file.name: sha256_of(file) for file in sorted(Path(__file__).parent.glob("*.py"))}
    return key_of(files)
