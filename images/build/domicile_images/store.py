"""Puts built images into podman's store, where containers are run from them by digest, and takes them out again."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

from domicile_host.image_signature import verify
from domicile_images.builder import BuiltImage


class StoreError(Exception):
    """podman didn't take or give up the image. The message holds its own words."""


def load(image: BuiltImage, progress: Callable[[str], None] = lambda _: None) -> str:
    """Checks the image's signature, puts the image into podman's store, and gives `name@sha256:…` to run it by.

    An image that is there already stays. Raises `SignatureError` and `StoreError`.
    """
    verify(image.signature.read_bytes(), image.digest, image.public_key.read_bytes(), image.reference)
    if not is_loaded(image):
        progress(f"loading {image.name} into the container store")
        # skopeo, because podman can't pick one image of a layout that holds more, such as the signature's
        _run("skopeo", "copy", "--quiet", f"oci:{image.layout}:{image.reference}:latest", f"containers-storage:{image.tagged}")
        if not is_loaded(image):
            raise StoreError(f"podman took {image.reference} but doesn't have it under {image.digest}")
    return image.pinned


def is_loaded(image: BuiltImage) -> bool:
    """Whether podman has the image under its digest."""
    done = subprocess.run(["podman", "image", "exists", image.pinned], capture_output=True, check=False)
    return done.returncode == 0


def unload(image: BuiltImage) -> None:
    """Takes the image out of podman's store; nothing happens when it isn't there. Raises `StoreError` while a container uses it."""
    if is_loaded(image):
        _run("podman", "image", "rm", image.tagged)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StoreError(f"{' '.join(command)}: {done.stderr.strip()}")
