"""DOM-NET-001: Machines get no public address."""

from __future__ import annotations

import pulumi_aws as aws
from parts import machine

UNKNOWN = "undecided"


def passing(at):
    machine(at, network_interfaces=[{"associate_public_ip_address": "false"}])
    aws.ec2.Instance(at("one"), ami="ami-1", associate_public_ip_address=False)


def failing(at):
    machine(at, network_interfaces=[{"associate_public_ip_address": "true"}])
    aws.ec2.Instance(at("one"), ami="ami-1")


def unknown(at):
    machine(at, network_interfaces=[{"associate_public_ip_address": at.unknown}])
