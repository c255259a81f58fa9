"""DOM-KEY-015: A secret's own policy says who reads it, and from where."""

from __future__ import annotations

import pulumi_aws as aws
from parts import but, policy, statement

UNKNOWN = "undecided"

READ = "secretsmanager:GetSecretValue"


def guarded(at, said):
    secret = aws.secretsmanager.Secret(at("secret"))
    aws.secretsmanager.SecretPolicy(at("policy"), secret_arn=secret.arn, policy=said)


VALUE = ["secretsmanager:PutSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:UpdateSecretVersionStage"]
CHANGE = [*VALUE, "secretsmanager:PutResourcePolicy", "secretsmanager:DeleteSecret"]


def passing(at):
    endpoint = {"StringNotEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}
    who, where = (statement("Deny", READ, "*", "*", condition) for condition in (but(), endpoint))
    guarded(at, policy(who, where, statement("Deny", CHANGE, "*", "*", but())))


def failing(at):
    guarded(at, policy(statement("Deny", READ, "*", "*", but())))


def unknown(at):
    guarded(at, at.unknown)
