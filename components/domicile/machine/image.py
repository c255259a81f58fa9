"""A signed image in the machine's container store."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from domicile.machine.command import CommandError, run, succeeds
from domicile.machine.resource import MachineProvider, MachineResource, Spec

if TYPE_CHECKING:
    from domicile_images import BuiltImage


LOCK = Path("/run/lock/domicile-images.lock")
"""Held while an image is loaded or removed: stacks share images, and one must not remove what another is about to use."""


class ImageSpec(Spec):
    """`pinned` is name and digest; `record` is the builder's description of the image, which names its layout and signature."""

    pinned: str
    record: Path
    stack: str


class ImageProvider(MachineProvider):
    """Loads an image when its signature verifies, and marks it as held by the stack with a tag of its own."""

    spec = ImageSpec
    replaces = frozenset({"pinned", "stack"})

    def identity(self, spec: ImageSpec) -> str:
        return spec.pinned

    def ensure(self, spec: ImageSpec) -> Mapping[str, Any]:
        from domicile_images import BuiltImage, load

        with _alone():
            load(BuiltImage.model_validate_json(spec.record.read_bytes()))
            run("podman", "tag", spec.pinned, _mark(spec.pinned, spec.stack))
        return {}

    def look(self, spec: ImageSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {} if _mark(spec.pinned, spec.stack) in _tags(spec.pinned) else None

    def remove(self, spec: ImageSpec) -> None:
        with _alone():
            _release(spec.pinned, spec.stack)


class Image(MachineResource):
    """An image, run by `reference` (name and digest) only."""

    provider: ClassVar[MachineProvider] = ImageProvider()

    def __init__(self, resource_name: str, built: BuiltImage, stack: str, opts: pulumi.ResourceOptions | None = None) -> None:
        self.reference = built.pinned
        self.digest = built.digest
        super().__init__(resource_name, pinned=built.pinned, record=str(built.layout.parent / "image.json"), stack=stack, opts=opts)


def release_images(stack: str) -> list[str]:
    """Releases whatever images the stack still holds; gives their names."""
    with _alone():
        listed = run("podman", "images", "--format", "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}").splitlines()
        held = [pinned for mark, pinned in (line.split() for line in listed) if mark.endswith(f":{_tag(stack)}")]
        for pinned in held:
            _release(pinned, stack)
    return held


def _release(pinned: str, stack: str) -> None:
    """Takes the stack's mark off; the image goes when no other stack holds it and no container runs from it."""
    mark, tags = _mark(pinned, stack), _tags(pinned)
    if mark in tags:
        run("podman", "untag", pinned, mark)
    if not tags or any(tag != mark and _tag("") in tag for tag in tags):
        return
    try:
        run("podman", "image", "rm", pinned)
    except CommandError as error:
        if "in use" not in str(error):  # by a session in hand
            raise


def _tags(pinned: str) -> list[str]:
    if not succeeds("podman", "image", "exists", pinned):
        return []
    return list(json.loads(run("podman", "image", "inspect", pinned))[0]["RepoTags"])


def _mark(pinned: str, stack: str) -> str:
    return f"{pinned.partition('@')[0]}:{_tag(stack)}"


def _tag(stack: str) -> str:
    return f"held-by-{stack}"


@contextmanager
def _alone() -> Iterator[None]:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
