"""DOM-RES-001: The provider's region lies in the jurisdiction."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"

TAGS = {"tags": {"domicile:jurisdiction": "jp"}}


def passing(at):
    aws.Provider(at("provider"), region="ap-northeast-3", default_tags=TAGS)


def failing(at):
    aws.Provider(at("provider"), region="us-east-1", default_tags=TAGS)


def unknown(at):
    aws.Provider(at("provider"), region=at.unknown, default_tags=TAGS)
