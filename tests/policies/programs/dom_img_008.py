"""DOM-IMG-008: The registry takes nothing from other registries by itself."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "decided"


def passing(at):
    aws.ecr.Repository(at("images"))


def failing(at):
    aws.ecr.PullThroughCacheRule(at("cache"), ecr_repository_prefix="public", upstream_registry_url="public.ecr.aws")


def unknown(at):
    aws.ecr.Repository(at("images"), image_tag_mutability=at.unknown)
