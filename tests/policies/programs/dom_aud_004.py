"""DOM-AUD-004: Logs are kept for a time that is said."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.cloudwatch.LogGroup(at("log"), retention_in_days=400)


def failing(at):
    aws.cloudwatch.LogGroup(at("log"), retention_in_days=30)
    aws.cloudwatch.LogGroup(at("kept-for-ever"))


def unknown(at):
    aws.cloudwatch.LogGroup(at("log"), retention_in_days=at.unknown)
