"""DOM-KEY-016: A secret's policy can't be opened to the world."""

from __future__ import annotations

import pulumi_aws as aws
from parts import but, policy, statement

UNKNOWN = "undecided"


def guarded(at, blocked):
    said = policy(statement("Deny", "secretsmanager:GetSecretValue", "*", "*", but()))
    aws.secretsmanager.SecretPolicy(at("policy"), secret_arn="s", policy=said, block_public_policy=blocked)


def passing(at):
    guarded(at, True)


def failing(at):
    guarded(at, None)


def unknown(at):
    guarded(at, at.unknown)
