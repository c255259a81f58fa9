"""DOM-KEY-004: Secrets lie under an own key."""

from __future__ import annotations

import pulumi_aws as aws
from parts import KEY

UNKNOWN = "decided"


def passing(at):
    aws.secretsmanager.Secret(at("secret"), kms_key_id=KEY)


def failing(at):
    aws.secretsmanager.Secret(at("secret"))


def unknown(at):
    aws.secretsmanager.Secret(at("secret"), kms_key_id=aws.kms.Key(at("key")).arn)
