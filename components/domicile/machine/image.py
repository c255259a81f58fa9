"""A signed image in the machine's container store."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from domicile.machine.command import CommandError, run, succeeds
from domicile.machine.resource import MachineProvider, MachineResource, Spec

if TYPE_CHECKING:
    from domicile_images import BuiltImage


class ImageSpec(Spec):
    """`pinned` is name and digest; `record` is the builder's description of the image, which names its layout and signature."""

    pinned: str
    record: Path


class ImageProvider(MachineProvider):
    """Loads an image when its signature verifies; one that a container of another stack still uses stays."""

    spec = ImageSpec
    replaces = frozenset({"pinned"})

    def identity(self, spec: ImageSpec) -> str:
        return spec.pinned

    def ensure(self, spec: ImageSpec) -> Mapping[str, Any]:
        from domicile_images import BuiltImage, load

        load(BuiltImage.model_validate_json(spec.record.read_bytes()))
        return {}

    def look(self, spec: ImageSpec, _facts: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return {} if succeeds("podman", "image", "exists", spec.pinned) else None

    def remove(self, spec: ImageSpec) -> None:
        remove_unused(spec.pinned)


class Image(MachineResource):
    """An image, run by `reference` (name and digest) only."""

    provider: ClassVar[MachineProvider] = ImageProvider()

    def __init__(self, resource_name: str, built: BuiltImage, opts: pulumi.ResourceOptions | None = None) -> None:
        self.reference = built.pinned
        self.digest = built.digest
        super().__init__(resource_name, pinned=built.pinned, record=str(built.layout.parent / "image.json"), opts=opts)


def remove_unused(pinned: str) -> bool:
    """Removes an image unless a container still uses it (a session in hand, another stack); whether it did."""
    if not succeeds("podman", "image", "exists", pinned):
        return False
    try:
        run("podman", "image", "rm", pinned)
    except CommandError as error:
        if "in use" not in str(error):
            raise
        return False
    return True
