"""The registry that a region's machines pull from, and the images in it: there before any machine asks. Called by `aws.region`."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground
from domicile.aws.names import IMAGES
from domicile.sandbox_image.pushed import PushedImage, PushedImageSpec

KEPT_RELEASES = 50
"""That stay pullable, so that a stack can be taken back."""
TAGS_A_RELEASE = 3
"""The image's own, and cosign's for its signature and its statements, pushed after it: an image never outlives its signature."""


class Registry(pulumi.ComponentResource):
    """One repository an image: tags never move, what is pushed is scanned, the stack's roles and nobody else pull.

    With `retain.archive` repositories outlive the stack, as the archive does: what ran is evidence, with signature, SBOM and provenance
    beside it. AWS removes none that holds an image.
    """

    urls: dict[str, pulumi.Output[str]]
    pushed: list[pulumi.Resource]
    """The configured images, once they are there."""

    def __init__(
        self,
        name: str,
        ground: Ground,
        key: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
        *,
        images: tuple[str, ...] = IMAGES,
        pullers: tuple[str, ...] = (),
    ) -> None:
        super().__init__("domicile:aws:Registry", name, None, opts)
        below = pulumi.ResourceOptions(parent=self, retain_on_delete=ground.config.retain.archive)
        self.urls, self.pushed = {}, []
        wanted = {spec.image: spec for spec in to_push(ground)}
        for image in images:
            made = aws.ecr.Repository(
                image,
                name=ground.names.repository(image),
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key}],
                opts=below,
            )
            policy = aws.ecr.RepositoryPolicy(image, repository=made.name, policy=policies.repository(ground.names, *pullers), opts=below)
            aws.ecr.LifecyclePolicy(image, repository=made.name, policy=_lifecycle(), opts=below)
            self.urls[image] = made.repository_url
            if image in wanted:
                ready = pulumi.ResourceOptions.merge(below, pulumi.ResourceOptions(depends_on=[made, policy]))
                self.pushed.append(PushedImage(image, **wanted[image].model_dump(), opts=ready))
        self.register_outputs({"urls": self.urls})


def to_push(ground: Ground) -> list[PushedImageSpec]:
    """The images that the stack's configuration names, and where each belongs; none where it names none yet."""
    images = ground.aws.images
    if images is None:
        return []
    return [PushedImageSpec.of(ground.names, image, getattr(images, image), images.signing_key) for image in IMAGES]


def _lifecycle() -> str:
    """By count, never by age alone: an old image that a stack still runs must not vanish."""
    most = KEPT_RELEASES * TAGS_A_RELEASE
    rule = {
        "rulePriority": 1,
        "description": f"keep {KEPT_RELEASES} releases",
        "selection": {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": "imageCountMoreThan", "countNumber": most},
        "action": {"type": "expire"},
    }
    return json.dumps({"rules": [rule]})
