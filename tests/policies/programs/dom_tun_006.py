"""DOM-TUN-006: A tunnel's secrets are read by its hosts only."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT, ROLE, but, component, policy, statement

UNKNOWN = "undecided"


def guarded(at, said):
    opts = component(at, "McpTunnel")
    secret = aws.secretsmanager.Secret(at("secret"), opts=opts)
    aws.secretsmanager.SecretPolicy(at("policy"), secret_arn=secret.arn, policy=said, opts=opts)


READ = "secretsmanager:GetSecretValue"


def passing(at):
    guarded(at, policy(statement("Deny", READ, "*", "*", but())))


def failing(at):
    both = {"StringNotEquals": {"aws:PrincipalArn": [ROLE, f"arn:aws:iam::{ACCOUNT}:role/other"]}}
    guarded(at, policy(statement("Deny", READ, "*", "*", both)))


def unknown(at):
    guarded(at, at.unknown)
