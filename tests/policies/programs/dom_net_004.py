"""DOM-NET-004: Databases, clusters and containers aren't on the internet."""

from __future__ import annotations

import pulumi_aws as aws
from parts import ROLE

UNKNOWN = "undecided"


def passing(at):
    aws.rds.Instance(at("database"), instance_class="db.t4g.small", publicly_accessible=False)


def failing(at):
    aws.rds.Instance(at("database"), instance_class="db.t4g.small", publicly_accessible=True)
    aws.eks.Cluster(at("cluster"), role_arn=ROLE, vpc_config={"subnet_ids": ["subnet-1"]})


def unknown(at):
    aws.rds.Instance(at("database"), instance_class="db.t4g.small", publicly_accessible=at.unknown)
