"""Refreshes a recipe's locks: what apt and pip would take today. The result is for review and commit."""

from __future__ import annotations

import re
from collections.abc import Callable

from domicile_images import debian, wheels
from domicile_images.cache import write
from domicile_images.recipe import Recipe, Wheel


def lock(recipe: Recipe, progress: Callable[[str], None] = lambda _: None) -> bool:
    """Writes both locks of the recipe. Returns whether anything changed. Raises `AptError` and `PipError`."""
    packages = debian.resolve(recipe.debian, [name for name in recipe.without if "/" not in name])
    new = {recipe.debian_lock: debian.write_lock(packages)}
    if recipe.wheels:
        whole = [wheel for wheel in recipe.wheels if isinstance(wheel, str)]
        parts = [wheel.requirement for wheel in recipe.wheels if isinstance(wheel, Wheel)]
        new[recipe.wheels_lock] = wheels.write_lock(wheels.resolve([*whole, *parts], _versions(recipe)))
    old = {path: path.read_bytes() if path.exists() else b"" for path in new}
    for path, data in new.items():
        write(path, data)
    progress(f"{recipe.name}: {len(packages)} Debian packages, {'changed' if old != new else 'as before'}")
    return old != new


def _versions(recipe: Recipe) -> list[str]:
    """`name==version` of each requirement in the lock that the recipe follows."""
    if recipe.versions is None:
        return []
    return re.findall(r"^[A-Za-z0-9._-]+==[^\s;\\]+", (recipe.folder / recipe.versions).read_text(), re.M)
