"""DOM-KEY-015: A secret's own policy says who reads it, and from where."""

from __future__ import annotations

import pulumi_aws as aws
from parts import but, policy, statement

UNKNOWN = "undecided"

READ = "secretsmanager:GetSecretValue"


def guarded(at, said):
    secret = aws.secretsmanager.Secret(at("secret"))
    aws.secretsmanager.SecretPolicy(at("policy"), secret_arn=secret.arn, policy=said)


def passing(at):
    endpoint = {"StringNotEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}
    guarded(at, policy(statement("Deny", READ, "*", "*", but()), statement("Deny", READ, "*", "*", endpoint)))


def failing(at):
    guarded(at, policy(statement("Deny", READ, "*", "*", but())))


def unknown(at):
    guarded(at, at.unknown)
