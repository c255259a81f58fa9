"""Images of Kubernetes' containers: by digest, and from a registry that is named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from domicile_policies.kubernetes import CARRIERS, pod
from domicile_policies.resource import Resource
from domicile_policies.rule import Asked, Violation, rule

_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
_CONTROLS = ("SOC2:CC6.8", "ISO27001:A.8.19", "NIST:SI-7", "NIST:CM-14", "NIST:SR-4")


def images(resource: Resource) -> Iterator[tuple[str, str]]:
    """Each image with its path: of containers and of volumes."""
    found = pod(resource)
    for container in found.containers():
        yield f"{container.path}.image", container.get("image", "")
    for at, _ in found.items("volumes"):
        if (reference := resource.get(f"{at}.image.reference")) is not None:
            yield f"{at}.image.reference", reference


@rule(
    "DOM-IMG-050", "Images are named by digest.", *CARRIERS, severity="high", controls=_CONTROLS,
    why="A tag can be moved to another image by whoever may push; a digest is the image that was built, scanned and signed.",
    fix="Write registry/name@sha256:… with the digest that the build printed.",
)  # fmt: skip
def by_digest(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for path, image in images(resource):
        if not _DIGEST.search(image):
            yield Violation(path, "has no @sha256: digest")


def registry(image: str) -> str:
    """An image's registry; empty where none is named, which means a public one. Its form: the distribution project's reference grammar."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


@rule(
    "DOM-IMG-051", "Images come from a registry that is named.", *CARRIERS, severity="medium",
    controls=("SOC2:CC9.2", "ISO27001:A.5.21", "NIST:SR-3", "NIST:SR-11"),
    parameters={"registries": {"type": "array", "items": {"type": "string"}, "default": []}},
    why="An image without a registry is fetched from a public one, by name, from outside the jurisdiction.",
    fix="Name your own registry in front of the image; list those that are allowed in the parameter `registries`.",
)  # fmt: skip
def from_registry(resource: Resource, asked: Asked) -> Iterator[Violation]:
    allowed = asked.parameters["registries"]
    for path, image in images(resource):
        named = registry(image)
        if not named:
            yield Violation(path, "names no registry")
        elif allowed and named not in allowed:
            yield Violation(path, f"is of {named}; allowed: {', '.join(allowed)}")


@rule(
    "DOM-IMG-052", "Images are pulled with the rights of who runs them.", *CARRIERS, severity="low", level="advisory",
    controls=("ISO27001:A.8.3", "NIST:AC-3"),
    why="An image that lies on a node already runs with policy IfNotPresent or Never for pods that may not pull it.",
    fix="Set imagePullPolicy: Always; with a digest nothing is fetched twice.",
)  # fmt: skip
def pulled(resource: Resource, asked: Asked) -> Iterator[Violation]:
    for container in pod(resource).containers():
        if container.get("imagePullPolicy") != "Always":
            yield Violation(f"{container.path}.imagePullPolicy", "isn't Always")
