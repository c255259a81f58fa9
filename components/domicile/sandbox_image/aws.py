"""The registry that a region's machines pull from. Called by `aws.region`; `domicile images push` fills it."""

from __future__ import annotations

import json

import pulumi
import pulumi_aws as aws

from domicile.aws import policies
from domicile.aws.ground import Ground
from domicile.aws.names import IMAGES

KEPT_RELEASES = 50
"""That stay pullable, so that a stack can be taken back."""
TAGS_A_RELEASE = 3
"""The image's own, and cosign's for its signature and its statements, pushed after it: an image never outlives its signature."""


class Registry(pulumi.ComponentResource):
    """One repository an image: tags never move, what is pushed is scanned, the stack's roles and nobody else pull."""

    urls: dict[str, pulumi.Output[str]]

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
        below = pulumi.ResourceOptions(parent=self)
        self.urls = {}
        for image in images:
            made = aws.ecr.Repository(
                image,
                name=ground.names.repository(image),
                image_tag_mutability="IMMUTABLE",
                image_scanning_configuration={"scan_on_push": True},
                encryption_configurations=[{"encryption_type": "KMS", "kms_key": key}],
                opts=below,
            )
            aws.ecr.RepositoryPolicy(image, repository=made.name, policy=policies.repository(ground.names, *pullers), opts=below)
            aws.ecr.LifecyclePolicy(image, repository=made.name, policy=_lifecycle(), opts=below)
            self.urls[image] = made.repository_url
        self.register_outputs({"urls": self.urls})


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
