"""DOM-RES-005: Nothing is copied to another region."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.secretsmanager.Secret(at("secret"))


def failing(at):
    aws.secretsmanager.Secret(at("secret"), replicas=[{"region": "us-east-1"}])


def unknown(at):
    aws.secretsmanager.Secret(at("secret"), replicas=at.unknown)
