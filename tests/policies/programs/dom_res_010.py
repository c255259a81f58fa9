"""DOM-RES-010: Secrets' and archives' own policies forbid copies."""

from __future__ import annotations

import pulumi_aws as aws
from parts import but, policy, statement

UNKNOWN = "undecided"


def guarded(at, said):
    secret = aws.secretsmanager.Secret(at("secret"))
    aws.secretsmanager.SecretPolicy(at("policy"), secret_arn=secret.arn, policy=said)


def passing(at):
    guarded(at, policy(statement("Deny", "secretsmanager:ReplicateSecretToRegions", "*", "*")))


def failing(at):
    guarded(at, policy(statement("Deny", "secretsmanager:GetSecretValue", "*", "*", but())))


def unknown(at):
    guarded(at, at.unknown)
