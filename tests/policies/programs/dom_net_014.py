"""DOM-NET-014: Functions have no address on the internet."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.lambda_.FunctionUrl(at("address"), function_name="f", authorization_type="AWS_IAM")


def failing(at):
    aws.lambda_.FunctionUrl(at("address"), function_name="f", authorization_type="NONE")


def unknown(at):
    aws.lambda_.FunctionUrl(at("address"), function_name="f", authorization_type=at.unknown)
