"""Images are shared by stacks: one goes when the last stack that holds it releases it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from domicile.machine.image import ImageProvider, release_images
from domicile.sandbox_image.checkout import CHECKOUT

pytestmark = pytest.mark.perimeter


@pytest.fixture
def secrets_image(tmp_path: Path) -> dict[str, str]:
    """The smallest image to build, signed with a key of its own, so that no other stack has it under this digest's record."""
    from domicile_images import Cache, build, key_in, load_recipe

    image = build(load_recipe(CHECKOUT / "images" / "secrets"), Cache(CHECKOUT / ".cache" / "images-of-tests"), key_in(tmp_path / "keys"))
    return {"pinned": image.pinned, "record": str(image.layout.parent / "image.json")}


def exists(pinned: str, tag: str) -> bool:
    repository = pinned.partition("@")[0]
    return subprocess.run(["podman", "image", "exists", f"{repository}:held-by-{tag}"], check=False).returncode == 0


def test_an_image_stays_for_the_stack_that_still_holds_it(apply, unique, secrets_image):
    one = apply(ImageProvider(), **secrets_image, stack=unique + "a")
    two = apply(ImageProvider(), **secrets_image, stack=unique + "b")
    one.update()
    assert one.refresh()
    assert not one.differs()
    one.delete()
    assert not one.refresh()
    assert two.refresh()
    assert exists(secrets_image["pinned"], unique + "b")


def test_what_a_killed_run_had_loaded_is_released_by_the_stacks_name(apply, unique, secrets_image):
    apply(ImageProvider(), **secrets_image, stack=unique)
    assert release_images(unique) == [secrets_image["pinned"]]
    assert not exists(secrets_image["pinned"], unique)
    assert release_images(unique) == []
