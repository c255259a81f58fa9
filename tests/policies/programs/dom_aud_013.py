"""DOM-AUD-013: Functions and public APIs log where the stack's logs are."""

from __future__ import annotations

import pulumi_aws as aws
from parts import function

UNKNOWN = "undecided"


def passing(at):
    log = aws.cloudwatch.LogGroup(at("log"))
    function(at, logging_config={"log_format": "JSON", "log_group": log.name})


def failing(at):
    function(at)


def unknown(at):
    function(at, logging_config={"log_format": "JSON", "log_group": at.unknown})
