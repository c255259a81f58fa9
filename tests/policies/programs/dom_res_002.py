"""DOM-RES-002: A resource's own region lies in the jurisdiction."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.sns.Topic(at("topic"), region="ap-northeast-1")


def failing(at):
    aws.sns.Topic(at("topic"), region="us-east-1")


def unknown(at):
    aws.sns.Topic(at("topic"), region=at.unknown)
