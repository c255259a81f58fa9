"""DOM-NET-016: Interfaces check whose traffic they carry."""

from __future__ import annotations

import pulumi_aws as aws

UNKNOWN = "undecided"


def passing(at):
    aws.ec2.NetworkInterface(at("interface"), subnet_id="subnet-1")


def failing(at):
    aws.ec2.NetworkInterface(at("interface"), subnet_id="subnet-1", source_dest_check=False)


def unknown(at):
    aws.ec2.NetworkInterface(at("interface"), subnet_id="subnet-1", source_dest_check=at.unknown)
