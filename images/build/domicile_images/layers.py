"""The three layers of an image (Debian, wheels, own files), each written once for its inputs and shared by images.

Called by the builder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from domicile_images import debian, golang, wheels
from domicile_images.bytecode import compiled
from domicile_images.cache import Cache
from domicile_images.inputs import Inputs
from domicile_images.layout import Layer
from domicile_images.recipe import Recipe
from domicile_images.tree import Tree, read_layer

Progress = Callable[[str], None]


def write_all(inputs: Inputs, program: golang.Program | None, cache: Cache, progress: Progress) -> list[Layer]:
    """The image's layers, lowest first. What they are made from is in the cache."""
    base = _debian(inputs, cache, progress)
    middle = [_wheels(inputs, cache, base, progress)] if inputs.wheels else []
    return [base, *middle, _own(inputs, cache, base, program, progress)]


def _debian(inputs: Inputs, cache: Cache, progress: Progress) -> Layer:
    def tree(folder: Path) -> Tree:
        files = debian.unpack(inputs.packages, cache, inputs.paths_left_out)
        files.merge_roots()
        files.merge(compiled(files, files, folder))
        return files

    return _layer("debian", inputs.debian_key, cache, tree, progress)


def _wheels(inputs: Inputs, cache: Cache, base: Layer, progress: Progress) -> Layer:
    def tree(folder: Path) -> Tree:
        files = Tree()
        for wheel in inputs.wheels:
            files.merge(wheels.unpack(wheel, cache, inputs.take.get(wheel.name, {})))
        files.merge(compiled(files, read_layer(cache.blob(base.sha256)), folder))
        return files

    return _layer("wheels", inputs.wheels_key, cache, tree, progress)


def _own(inputs: Inputs, cache: Cache, base: Layer, program: golang.Program | None, progress: Progress) -> Layer:
    recipe = inputs.recipe

    def tree(folder: Path) -> Tree:
        files = Tree(dict(inputs.own.entries))
        if any(path.endswith(".py") for path in files.entries):
            files.merge(compiled(files, read_layer(cache.blob(base.sha256)), folder))
        if recipe.go and program:
            files.file(recipe.go.program, cache.verified(program.sha256).read_bytes(), executable=True)
        for path, target in recipe.links.items():
            files.link(path, target)
        for prepared in recipe.folders:
            files.folder(prepared.path, mode=int(prepared.mode, 8), uid=prepared.uid, gid=prepared.gid)
        _accounts(files, recipe)
        return files

    return _layer("own", inputs.own_key(program), cache, tree, progress)


def _layer(kind: str, key: str, cache: Cache, make: Callable[[Path], Tree], progress: Progress) -> Layer:
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
            description.write_text(Layer(kind=kind, sha256=digest, size=size).model_dump_json())
            cache.finish(description, place)
    return Layer.model_validate_json(place.read_bytes())


def _accounts(files: Tree, recipe: Recipe) -> None:
    users = "".join(f"{user.name}:x:{user.uid}:{user.uid}:{user.name}:{user.home}:{user.shell}\n" for user in recipe.users)
    groups = "".join(f"{user.name}:x:{user.uid}:\n" for user in recipe.users)
    files.file(
        "etc/passwd", f"root:x:0:0:root:/root:/sbin/nologin\n{users}nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n".encode()
    )
    files.file("etc/group", f"root:x:0:\n{groups}nogroup:x:65534:\n".encode())
    files.file("etc/nsswitch.conf", b"passwd: files\ngroup: files\nhosts: files dns\n")
