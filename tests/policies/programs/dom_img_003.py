"""DOM-IMG-003: A repository says who pulls and who pushes."""

from __future__ import annotations

import pulumi_aws as aws
from parts import but, policy, statement

UNKNOWN = "undecided"


def guarded(at, said):
    images = aws.ecr.Repository(at("images"))
    aws.ecr.RepositoryPolicy(at("policy"), repository=images.name, policy=said)


def passing(at):
    pull, push = (statement("Deny", action, None, "*", but()) for action in ("ecr:BatchGetImage", "ecr:PutImage"))
    guarded(at, policy(pull, push))


def failing(at):
    guarded(at, policy(statement("Deny", "ecr:BatchGetImage", None, "*", but())))


def unknown(at):
    guarded(at, at.unknown)
