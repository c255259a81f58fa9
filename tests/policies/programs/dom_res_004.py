"""DOM-RES-004: Keys stay in their region."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.kms.Key(at("key"))


def failing(at):
    aws.kms.Key(at("key"), multi_region=True)


def unknown(at):
    aws.kms.Key(at("key"), multi_region=at.unknown)
