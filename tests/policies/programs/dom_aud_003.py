"""DOM-AUD-003: Each VPC's name queries are recorded."""

from __future__ import annotations

import pulumi_aws as aws
from parts import vpc

UNKNOWN = "undecided"


def asked(at, network):
    aws.route53.ResolverQueryLogConfigAssociation(at("asked"), resolver_query_log_config_id="rqlc-1", resource_id=network)


def passing(at):
    asked(at, vpc(at).id)


def failing(at):
    vpc(at)


def unknown(at):
    vpc(at)
    asked(at, at.unknown)
