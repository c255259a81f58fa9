"""All that a build depends on: recipe, locks, own files and the builder itself, and the keys that name what is made from them.

Read once by the builder, so that a file edited meanwhile can't make half of an image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache as once
from hashlib import sha256
from pathlib import Path

from domicile_images import debian, golang, wheels
from domicile_images.cache import key_of, sha256_of
from domicile_images.recipe import Recipe, RecipeError, Wheel
from domicile_images.tree import Tree


@dataclass(frozen=True)
class Inputs:
    """What one image is made from."""

    recipe: Recipe
    packages: tuple[debian.Package, ...]
    wheels: tuple[wheels.Wheel, ...]
    take: dict[str, dict[str, str]]
    own: Tree
    go: dict[str, str]
    """SHA-256 of the Go program's sources, by file."""

    @property
    def paths_left_out(self) -> list[str]:
        """What of the packages' files the recipe doesn't want."""
        return sorted(path for path in self.recipe.without if "/" in path)

    @property
    def debian_key(self) -> str:
        packages = [package.sha256 for package in self.packages]
        return key_of({"builder": builder_version(), "packages": packages, "without": self.paths_left_out})

    @property
    def wheels_key(self) -> str:
        return key_of({"debian": self.debian_key, "wheels": [wheel.sha256 for wheel in self.wheels], "take": self.take})

    def own_key(self, program: golang.Program | None) -> str:
        files = {path: [entry.mode, sha256(data).hexdigest()] for path, data in self.own.files() for entry in [self.own.entries[path]]}
        prepared = self.recipe.model_dump(mode="json", include={"folders", "links", "users", "go"})
        return key_of({"debian": self.debian_key, "own": files, "prepared": prepared, "program": program and program.sha256})

    def key(self, signer: str) -> str:
        """Names the image that is made from all this and signed by the key with this fingerprint."""
        recipe = self.recipe.model_dump(mode="json")
        return key_of({"recipe": recipe, "wheels": self.wheels_key, "own": self.own_key(None), "go": self.go, "key": signer})


def read(recipe: Recipe) -> Inputs:
    """Reads locks and own files. Raises `RecipeError`, `PipError`."""
    taken = [wheel for wheel in recipe.wheels if isinstance(wheel, Wheel)]
    take = {wheel.requirement.partition("==")[0]: dict(wheel.take) for wheel in taken}
    locked = wheels.read_lock(recipe.wheels_lock)
    if not recipe.debian_lock.exists() or (recipe.wheels and not locked):
        raise RecipeError(f"{recipe.folder}: has no lock yet; run `python -m domicile_images lock {recipe.name}` and review what it writes")
    go = golang.sources(recipe.folder / recipe.go.module) if recipe.go else {}
    return Inputs(recipe, debian.read_lock(recipe.debian_lock), locked, take, _own_files(recipe), go)


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


@once
def builder_version() -> str:
    """The builder's own version: the hash of its sources."""
    files = {file.name: sha256_of(file) for file in sorted(Path(__file__).parent.glob("*.py"))}
    return key_of(files)
