"""DOM-KEY-014: A secret's removal can be noticed and undone."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.secretsmanager.Secret(at("secret"))


def failing(at):
    aws.secretsmanager.Secret(at("secret"), recovery_window_in_days=0)


def unknown(at):
    aws.secretsmanager.Secret(at("secret"), recovery_window_in_days=at.unknown)
