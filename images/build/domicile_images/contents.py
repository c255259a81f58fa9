"""What an image is made of, for readers: the bill of materials (CycloneDX) and the provenance (SLSA), from the same locks.

Both are functions of the inputs alone: no time of day, no machine name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from domicile_images import debian, golang, wheels
from domicile_images.tree import EPOCH_SECONDS

BUILD_TYPE = "urn:domicile:image-build:1"


@dataclass(frozen=True)
class Contents:
    """Everything that went into one image."""

    name: str
    packages: Sequence[debian.Package]
    wheels: Sequence[wheels.Wheel]
    program: golang.Program | None
    own: dict[str, str]
    """SHA-256 of each own file, by its path in the image."""
    recipe_sha256: str
    builder_sha256: str


def sbom(contents: Contents, digest: str) -> dict[str, Any]:
    """The CycloneDX 1.6 document of an image."""
    bom = Bom(serial_number=uuid5(NAMESPACE_URL, digest))
    bom.metadata.timestamp = datetime.fromtimestamp(EPOCH_SECONDS, UTC)
    bom.metadata.component = Component(name=f"domicile/{contents.name}", version=digest, type=ComponentType.CONTAINER, bom_ref=digest)
    for package in contents.packages:
        bom.components.add(_component(_debian_url(package), package.sha256))
    for wheel in contents.wheels:
        bom.components.add(_component(PackageURL("pypi", None, wheel.name, wheel.version), wheel.sha256))
    if contents.program is not None:
        bom.components.add(Component(name="go", version=contents.program.toolchain.removeprefix("go"), type=ComponentType.PLATFORM))
        for module in contents.program.modules:
            bom.components.add(_component(_go_url(module), None, {"go:sum": module.sum}))
    for path, sha256 in contents.own.items():
        hashes = [HashType(alg=HashAlgorithm.SHA_256, content=sha256)]
        bom.components.add(Component(name=path, type=ComponentType.FILE, hashes=hashes, bom_ref=f"file:{path}"))
    bom.register_dependency(bom.metadata.component, bom.components)
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return document


def provenance(contents: Contents) -> dict[str, Any]:
    """The SLSA v1 predicate: what the image was made from, by which builder."""
    materials = [_material(_debian_url(package).to_string(), "sha256", package.sha256) for package in contents.packages]
    materials += [
        _material(PackageURL("pypi", None, wheel.name, wheel.version).to_string(), "sha256", wheel.sha256) for wheel in contents.wheels
    ]
    if contents.program is not None:
        materials += [_material(_go_url(module).to_string(), "h1", module.sum) for module in contents.program.modules]
    materials += [_material(f"file:{path}", "sha256", sha256) for path, sha256 in sorted(contents.own.items())]
    toolchain = contents.program.toolchain if contents.program else None
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {"recipe": contents.name, "recipe_sha256": contents.recipe_sha256},
            "internalParameters": {"go_toolchain": toolchain, "python": wheels.PYTHON},
            "resolvedDependencies": materials,
        },
        "runDetails": {"builder": {"id": "urn:domicile:images", "version": {"domicile_images": contents.builder_sha256}}},
    }


def _component(url: PackageURL, sha256: str | None, notes: dict[str, str] | None = None) -> Component:
    return Component(
        name=url.name,
        group=url.namespace,
        version=url.version,
        purl=url,
        type=ComponentType.LIBRARY,
        bom_ref=url.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256)] if sha256 else None,
        properties=[Property(name=name, value=value) for name, value in (notes or {}).items()],
    )


def _debian_url(package: debian.Package) -> PackageURL:
    return PackageURL("deb", "debian", package.name, package.version, {"arch": package.arch, "distro": "debian-12"})


def _go_url(module: golang.Module) -> PackageURL:
    namespace, _, name = module.name.rpartition("/")
    return PackageURL("golang", namespace, name, module.version)


def _material(uri: str, algorithm: str, value: str) -> dict[str, Any]:
    return {"uri": uri, "digest": {algorithm: value}}
