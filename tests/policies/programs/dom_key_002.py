"""DOM-KEY-002: A key's removal can be noticed and undone."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.kms.Key(at("key"), deletion_window_in_days=30)


def failing(at):
    aws.kms.Key(at("key"), deletion_window_in_days=7)


def unknown(at):
    aws.kms.Key(at("key"), deletion_window_in_days=at.unknown)
