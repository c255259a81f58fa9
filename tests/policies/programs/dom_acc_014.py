"""DOM-ACC-014: The provider refuses other accounts."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ACCOUNT

UNKNOWN = "undecided"


def passing(at):
    aws.Provider(at("provider"), region="ap-northeast-1", allowed_account_ids=[ACCOUNT])


def failing(at):
    aws.Provider(at("provider"), region="ap-northeast-1")


def unknown(at):
    aws.Provider(at("provider"), region="ap-northeast-1", allowed_account_ids=at.unknown)
