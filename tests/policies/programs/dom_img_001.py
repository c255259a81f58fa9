"""DOM-IMG-001: Image tags never move."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.ecr.Repository(at("images"), image_tag_mutability="IMMUTABLE")


def failing(at):
    aws.ecr.Repository(at("images"), image_tag_mutability="MUTABLE")


def unknown(at):
    aws.ecr.Repository(at("images"), image_tag_mutability=at.unknown)
