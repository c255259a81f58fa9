"""DOM-NET-008: The metadata service answers the machine itself only, with a token."""

from __future__ import annotations

import pulumi_aws as aws
from parts import machine

UNKNOWN = "undecided"


def passing(at):
    machine(at, metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 1})


def failing(at):
    machine(at, metadata_options={"http_tokens": "required", "http_put_response_hop_limit": 2})
    aws.ec2.Instance(at("one"), ami="ami-1")


def unknown(at):
    machine(at, metadata_options={"http_tokens": at.unknown, "http_put_response_hop_limit": 1})
