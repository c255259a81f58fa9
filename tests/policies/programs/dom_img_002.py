"""DOM-IMG-002: Images are scanned when they are pushed."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.ecr.Repository(at("images"), image_scanning_configuration={"scan_on_push": True})


def failing(at):
    aws.ecr.Repository(at("images"))


def unknown(at):
    aws.ecr.Repository(at("images"), image_scanning_configuration={"scan_on_push": at.unknown})
