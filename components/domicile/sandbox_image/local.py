"""The images of a `local` perimeter: built here from their locks, signed with the perimeter's own key, run by digest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pulumi

from domicile.machine.files import File
from domicile.machine.image import Image
from domicile.places import StackPlaces
from domicile.sandbox_image.checkout import CHECKOUT, IMAGE_CACHE
from domicile_host.settings import SandboxImage

if TYPE_CHECKING:
    from domicile_images import BuiltImage

HOST_IMAGES = ("sandbox", "host", "egress", "secrets")
STAND_IN_IMAGES = ("control_plane",)


def built(places: StackPlaces, stand_in: bool, progress: Callable[[str], None] = lambda _: None) -> dict[str, BuiltImage]:
    """Each image that the perimeter runs, built if it isn't yet. Raises `domicile_images.ERRORS`."""
    from domicile_images import Cache, build, key_in, load_recipe

    cache, key = Cache(IMAGE_CACHE), key_in(places.keys)
    names = (*HOST_IMAGES, *(STAND_IN_IMAGES if stand_in else ()))
    return {name: build(load_recipe(CHECKOUT / "images" / name), cache, key, progress) for name in names}


def build_images(places: StackPlaces, images: dict[str, BuiltImage], opts: pulumi.ResourceOptions) -> dict[str, Image]:
    """The images in the machine's container store, each verified first."""
    return {name: Image(f"image-{name}", image, places.stack, opts) for name, image in images.items()}


def build_trust(places: StackPlaces, sandbox: BuiltImage, opts: pulumi.ResourceOptions) -> tuple[SandboxImage, list[pulumi.Resource]]:
    """What the dispatcher needs to verify the sandbox's image by itself before it runs any, and the sandboxes' seccomp profile."""
    signature, public_key = places.images / "sandbox.signature.json", places.images / "images.pub"
    profile = CHECKOUT / "images" / "sandbox" / "seccomp.json"
    files: list[pulumi.Resource] = [
        File("sandbox-signature", path=str(signature), content=sandbox.signature.read_text(), opts=opts),
        File("image-key", path=str(public_key), content=sandbox.public_key.read_text(), opts=opts),
        File("seccomp-profile", path=str(places.seccomp_profile), content=profile.read_text(), opts=opts),
    ]
    image = SandboxImage(reference=sandbox.reference, digest=sandbox.digest, signature=signature, public_key=public_key)
    return image, files
