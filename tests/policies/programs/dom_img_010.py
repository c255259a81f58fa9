"""DOM-IMG-010: Images that a stack may still run aren't removed by age."""

from __future__ import annotations

import json

import pulumi_aws as aws

UNKNOWN = "undecided"


def lifecycle(at, kind, number):
    selection = {"tagStatus": "tagged", "tagPatternList": ["*"], "countType": kind, "countNumber": number}
    if kind == "sinceImagePushed":
        selection["countUnit"] = "days"
    rules = [{"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}]
    aws.ecr.LifecyclePolicy(at("cycle"), repository="images", policy=json.dumps({"rules": rules}))


def passing(at):
    lifecycle(at, "imageCountMoreThan", 50)


def failing(at):
    lifecycle(at, "sinceImagePushed", 14)


def unknown(at):
    aws.ecr.LifecyclePolicy(at("cycle"), repository="images", policy=at.unknown)
