"""DOM-AUD-012: A perimeter keeps its audit."""

from __future__ import annotations

import pulumi_aws as aws
from parts import component

UNKNOWN = "decided"
ALONE = True


def passing(at):
    component(at, "WorkerHosts", "fleet")
    component(at, "Archive", "archive")


def failing(at):
    component(at, "WorkerHosts", "fleet")


def unknown(at):
    """What the archive is called doesn't matter."""
    component(at, "WorkerHosts", "fleet")
    aws.s3.Bucket(at("bucket"), bucket=at.unknown, opts=component(at, "Archive", "archive"))
