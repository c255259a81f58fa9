"""DOM-KEY-001: Keys are renewed by themselves."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.kms.Key(at("key"), enable_key_rotation=True)


def failing(at):
    aws.kms.Key(at("key"))


def unknown(at):
    aws.kms.Key(at("key"), enable_key_rotation=at.unknown)
