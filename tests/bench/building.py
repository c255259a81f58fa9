"""Size of each image and the time to build it, and the time of an `up` that finds everything as it should be."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bed import Bed

from domicile_images import Cache, build, key_in, load_recipe

CHECKOUT = Path(__file__).parents[2]
DOWNLOADS = CHECKOUT / ".cache" / "images" / "blobs"


def images(say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Builds every image into an empty cache that has the downloads already, and then finds it built."""
    DOWNLOADS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="domicile-bench-") as folder:
        root = Path(folder)
        (root / "blobs").symlink_to(DOWNLOADS)
        cache, key, found = Cache(root), key_in(root / "keys"), []
        for path in sorted((CHECKOUT / "images").glob("*/recipe.yaml")):
            recipe = load_recipe(path.parent)
            cold, image = _timed(lambda recipe=recipe: build(recipe, cache, key))
            warm, _ = _timed(lambda recipe=recipe: build(recipe, cache, key))
            found.append({"image": path.parent.name, "mb": round(image.size_bytes / 1e6, 1), "cold_seconds": cold, "warm_seconds": warm})
            say(f"image {path.parent.name}: {cold} s")
        return found


def up_again(bed: Bed) -> dict[str, float]:
    """What `make up` does on a perimeter that is up: apply the stack, then serve the demonstration."""
    applied, _ = _timed(bed.operator.up)
    served, _ = _timed(lambda: bed.operator.domicile("session", bed.operator.stack, "--json"))
    return {"apply_seconds": applied, "demonstration_seconds": served, "whole_seconds": round(applied + served, 2)}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.monotonic()
    done = work()
    return round(time.monotonic() - began, 2), done
